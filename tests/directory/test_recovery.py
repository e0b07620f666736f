# SPDX-License-Identifier: LGPL-2.1-or-later
"""Links, codes and grants, one at a time: what opens an account and what does not."""


from case import BETTER, GOOD, PPOLICY, DirectoryCase, main, now
from slapd import DECOY, PEOPLE, password_of
from worker import b64, identifier


class Recovery:
    stored = "{ARGON2}$argon2id$"

    def change(self, name):
        self.worker.call("Password.Change", {"user": name, "current": b64(password_of(name)), "password": b64(BETTER)})

    def test_link_sets_password_once(self):
        name = self.take()
        ticket = self.worker.link(name)
        for _ in range(3):
            self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": ticket})["user"], name)
        self.assertTrue(self.slapd.binds(name, password_of(name)), "the old password works until the new one is set")
        self.assertEqual(self.worker.set_password(ticket, GOOD), {"user": name})
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.assertFalse(self.slapd.binds(name, password_of(name)))
        self.dead("used", self.worker.set_password, ticket, BETTER)
        self.dead("used", self.worker.call, "Recovery.InspectLink", {"link": ticket})
        entry = self.slapd.entry(name)
        self.assertTrue(entry["userPassword"][0].startswith(self.stored), entry["userPassword"])
        self.assertEqual(len(entry["userPassword"]), 1)
        self.assertNotIn("pwresetToken", entry)
        self.assertNotIn("pwdReset", entry)
        self.assertGreater(int(entry["shadowLastChange"][0]), 20000)

    def test_code_gives_grant_and_is_spent_by_password(self):
        name = self.take()
        code = self.worker.code(name)
        first = self.verify(name, code)
        second = self.verify(name.upper(), code.lower().replace("-", " "))
        self.assertEqual(second["seconds"], 300)
        tries = {token.split(":")[0]: token.split(":")[-1] for token in self.slapd.tokens(name)}
        self.assertEqual(tries["code"], "5", "a right code gets its try back")
        self.fails("Refused", self.worker.set_password, first["grant"], GOOD, user=name, via="pam")
        self.assertEqual(self.worker.set_password(second["grant"], GOOD, user=name, via="pam"), {"user": name})
        self.assertTrue(self.slapd.binds(name, GOOD))
        self.fails("Refused", self.verify, name, code)
        self.fails("Refused", self.worker.set_password, second["grant"], BETTER, via="pam")

    def test_wrong_codes_are_charged_and_end(self):
        name = self.take()
        code = self.worker.code(name)
        wrong = code[:2] + ("A" if code[2] != "A" else "B") + code[3:]
        for left in range(5, 0, -1):
            self.assertIn(str(left), self.slapd.tokens(name)[0].rsplit(":", 1)[1])
            self.fails("Refused", self.verify, name, wrong)
        self.fails("Refused", self.verify, name, code)
        self.assertTrue(self.slapd.tokens(name)[0].endswith(":0"))

    def test_strangers_guess_charges_nobody(self):
        name = self.take()
        code = self.worker.code(name)
        other = ("B" if code[0] != "B" else "C") + code[1:]
        for guess in (other, "nonsense", "", "0" * 9, "é" * 8):
            self.fails("Refused", self.verify, name, guess)
        self.assertTrue(self.slapd.tokens(name)[0].endswith(":5"))
        self.verify(name, code)

    def test_case_7_one_kind_is_not_another(self):
        alice, bob = self.take(), self.take()
        link, code = self.worker.link(alice), self.worker.code(bob)
        grant = self.verify(bob, code)["grant"]
        self.dead("unknown", self.worker.set_password, link, GOOD, user=bob)
        self.fails("Refused", self.worker.set_password, grant, GOOD, user=alice, via="pam")
        self.fails("Refused", self.verify, alice, code)
        self.dead("unknown", self.worker.set_password, code, GOOD)
        self.fails("Refused", self.verify, alice, link)
        # The selector of one on the secret of another, and a token's value carried to another entry.
        token = self.slapd.tokens(alice)[0]
        self.slapd.modify(f"uid={bob},{PEOPLE}", ("add", "pwresetToken", token))
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": alice})
        self.assertTrue(self.slapd.binds(bob, password_of(bob)))

    def test_case_8_malformed_tickets(self):
        ticket = self.worker.link(self.take())
        for text in ("", "A", ticket[:-1], ticket + "A", ticket[:-2] + "==", "é" * 40, "A" * 240,
                     "A" * 60000, ticket.replace(ticket[-1], "*"), ticket[:10] + "\n" + ticket[10:]):
            self.dead("unknown", self.worker.set_password, text, GOOD)
            self.dead("unknown", self.worker.call, "Recovery.InspectLink", {"link": text})
        for value in (None, [ticket], {"a": 1}, 5, True):
            self.fails("InvalidParameter", self.worker.call, "Recovery.InspectLink", {"link": value})
        for password in ("not base64!", "QUJD=", "AB\u00e9="):
            self.assertEqual(self.fails("InvalidParameter", self.worker.call, "Recovery.SetPassword",
                                        {"ticket": ticket, "password": password}), {"parameter": "password"})
        self.assertGreater(self.worker.call("Recovery.InspectLink", {"link": ticket})["seconds"], 1700)

    def test_case_10_change_of_password_address_or_state_kills(self):
        def by_change(name):
            self.change(name)

        def by_other_tool(name):
            self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowLastChange", "20001"))

        def by_address(name):
            self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "mail", f"other-{name}@example.com"))

        def by_second_address(name):
            self.slapd.modify(f"uid={name},{PEOPLE}", ("add", "mail", f"other-{name}@example.com"))

        def by_expiry(name):
            self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "shadowExpire", "1"))

        for kill in (by_change, by_other_tool, by_address, by_second_address, by_expiry):
            with self.subTest(kill.__name__):
                name = self.take()
                link, code = self.worker.link(name), self.worker.code(name)
                grant = self.verify(name, code)["grant"]
                kill(name)
                self.fails("LinkDead", self.worker.set_password, link, GOOD)
                self.fails("Refused", self.worker.set_password, grant, GOOD, via="pam")
                self.fails("Refused", self.verify, name, code)

    def test_case_11_lifetime_to_the_second(self):
        start = now()
        name = self.take()
        link = self.worker.link(name, now=start)
        self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": link}, now=start + 1799)["seconds"], 1)
        self.dead("expired", self.worker.call, "Recovery.InspectLink", {"link": link}, now=start + 1800)
        self.dead("expired", self.worker.set_password, link, GOOD, now=start + 1801)
        self.assertEqual(self.worker.set_password(link, GOOD, now=start + 1799), {"user": name})
        name = self.take()
        code = self.worker.code(name, now=start)
        grant = self.verify(name, code, now=start + 599)["grant"]
        self.fails("Refused", self.verify, name, code, now=start + 600)
        self.fails("Refused", self.worker.set_password, grant, GOOD, via="pam", now=start + 599 + 300)
        self.worker.set_password(grant, GOOD, via="pam", now=start + 599 + 299)

    def test_three_live_requests_links_and_codes_apart(self):
        name = self.take()
        codes = [self.worker.code(name) for _ in range(3)]
        self.assertEqual(self.worker.mint("code", name), {"skip": "too-many"})
        self.assertEqual(len({code[:2] for code in codes}), 3, "labels differ")
        start = now()
        # Links have their own three, but the mails together come ever more slowly.
        reply = self.worker.mint("link", name, now=start)
        self.assertEqual(reply["skip"], "back-off")
        self.assertLessEqual(reply["after"], 120)
        self.worker.link(name, now=start + 121)
        self.assertEqual(self.worker.mint("link", name, now=start + 122)["skip"], "back-off")
        # Staff are not held up, and theirs do not count.
        self.worker.link(name, requester="boss", roles=["administrator"], now=start + 122)
        self.verify(name, codes[0])

    def test_back_off_grows_to_an_hour_and_forgets(self):
        name, time, waits = self.take(), now(), []
        for _ in range(12):
            reply = self.worker.mint("username", name, now=time)
            while "skip" in reply:
                self.assertEqual(reply["skip"], "back-off")
                waits.append(reply["after"])
                time += reply["after"]
                reply = self.worker.mint("username", name, now=time)
            time += 1
        self.assertEqual(max(waits), 3600 - 1)
        self.assertEqual(sorted(waits), waits)
        self.assertIn("mail", self.worker.mint("username", name, now=time + 7200))

    def test_same_request_again_replaces_its_own(self):
        name, id = self.take(), identifier()
        first, second = (self.worker.link(name, id=id) for _ in range(2))
        self.assertEqual(len(self.slapd.tokens(name)), 1)
        self.fails("LinkDead", self.worker.call, "Recovery.InspectLink", {"link": first})
        self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": second})["user"], name)

    def test_retry_after_redemption_mints_nothing(self):
        name, id, start = self.take(), identifier(), now()
        self.worker.set_password(self.worker.link(name, id=id, created=start - 5), GOOD)
        self.assertEqual(self.worker.mint("link", name, id=id, created=start - 5, attempt=2), {"skip": "expired"})

    def test_a_check_that_was_cut_short_is_no_change(self):
        """The worker died with the current password checked and nothing written: nobody is told of a change."""
        name, id = self.take(), identifier()
        self.slapd.modify(f"uid={name},{PEOPLE}", ("add", "objectClass", "pwresetAccount"),
                          ("add", "pwresetEvent", f"proof:{now()}:{id}::"))
        self.assertEqual(self.worker.mint("changed", name, id=id)["skip"], "not-seen")

    def test_a_mail_that_is_tried_again_revives_nothing(self):
        """Not even within the second in which the link was asked for, used or revoked."""
        start = now()
        for kill in ("used", "revoked"):
            with self.subTest(kill):
                name, id = self.take(), identifier()
                link = self.worker.link(name, id=id, now=start)
                if kill == "used":
                    self.worker.set_password(link, GOOD, now=start)
                else:
                    self.worker.call("Recovery.RevokeLink", {"link": link}, now=start)
                self.assertEqual(self.worker.mint("link", name, id=id, now=start, attempt=2), {"skip": "expired"})
                self.assertEqual(self.slapd.tokens(name), [])

    def test_revoke_kills_link_and_code_of_the_request(self):
        name = self.take()
        mail = self.worker.mint("code", name)["mail"]["values"]
        other = self.worker.link(name)
        grant = self.verify(name, mail["code"])["grant"]
        revoke = mail["revoke"].rsplit("/", 1)[1]
        self.dead("unknown", self.worker.set_password, revoke, GOOD)
        self.assertEqual(self.worker.call("Recovery.RevokeLink", {"link": revoke}), {})
        self.fails("Refused", self.verify, name, mail["code"])
        self.fails("Refused", self.worker.set_password, grant, GOOD, via="pam")
        self.assertEqual(self.worker.call("Recovery.RevokeLink", {"link": revoke}), {})
        self.assertEqual(self.worker.call("Recovery.InspectLink", {"link": other})["user"], name)
        self.assertEqual(self.worker.call("Recovery.RevokeLink", {"link": other}), {})
        self.dead("revoked", self.worker.set_password, other, GOOD)
        for junk in ("", "A" * 80, revoke[:-3] + "abc"):
            self.assertEqual(self.worker.call("Recovery.RevokeLink", {"link": junk}), {})

    def test_refused_password_uses_nothing_up(self):
        name = self.take()
        link = self.worker.link(name)
        for password, reason in (("short", "too-short"), ("x" * 512, "too-long"), ("password", "common"),
                                 (b"\xff\xfe\xfd broken utf8", "not-utf8"), (f"{name}@example.com", "personal"),
                                 ("", "too-short")):
            refused = self.fails("PasswordRefused", self.worker.set_password, link, password)
            self.assertIn(reason, refused["reasons"], password)
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": name})

    def test_history_in_both_directions(self):
        name = self.take()
        self.worker.set_password(self.worker.link(name), GOOD)
        self.worker.set_password(self.worker.link(name), BETTER)
        link = self.worker.link(name)
        for used in (GOOD, BETTER):
            refused = self.fails("PasswordRefused", self.worker.set_password, link, used)
            self.assertEqual(refused["reasons"], ["history"])
        self.worker.set_password(link, GOOD + " more")
        salts = {value.split(":")[2] for value in self.slapd.entry(name)["pwresetHistory"]}
        self.assertEqual(len(salts), 1, "one derivation compares all")

    def test_unknown_names_get_nothing(self):
        for name in ("nobody", "*", "p00*", "p000)(uid=*", "p000\\", "x" * 255, "\u00e9t\u00e9"):
            self.assertEqual(self.worker.mint("link", name), {"skip": "no-such-user"})
            self.fails("Refused", self.verify, name, "ABCDEFGH")

    def test_notice_only_of_what_was_done(self):
        name, operation = self.take(), identifier()
        link = self.worker.link(name)
        # Whoever may still be at it when it is looked for will have been by the second time.
        self.assertEqual(self.worker.mint("changed", name, id=operation), {"skip": "not-seen", "after": 20})
        self.assertEqual(self.worker.mint("changed", name, id=operation, missed=True), {"skip": "not-done"})
        self.worker.set_password(link, GOOD, operation=operation)
        mail = self.worker.mint("changed", name, id=operation)["mail"]
        self.assertEqual((mail["template"], mail["to"]), ("changed", [f"{name}@example.com"]))
        self.assertEqual(mail["values"]["link"], "")

    def test_retired_pepper_key_still_opens_unknown_one_never(self):
        name = self.take()
        link = self.worker.link(name)
        rotated = self.another_site(pepper=["k2:" + b64(b"n" * 32), self.site.pepper[0]])
        foreign = self.another_site(pepper=["k1:" + b64(b"f" * 32)])
        missing = self.another_site(pepper=["k3:" + b64(b"f" * 32)])
        for site in (foreign, missing):
            self.fails("LinkDead", self.new_worker(site).set_password, link, GOOD)
        self.assertEqual(self.new_worker(rotated).set_password(link, GOOD), {"user": name})


class WithoutPpolicy(Recovery, DirectoryCase):
    ppolicy = PPOLICY["none"]
    site_options = {"decoy_dn": DECOY}


class WithPpolicy(Recovery, DirectoryCase):
    ppolicy = PPOLICY["plain"]
    site_options = {"decoy_dn": DECOY}

    def test_failures_do_not_stop_recovery_and_reset_lifts_the_lock(self):
        name = self.take()
        link = self.worker.link(name)
        for _ in range(6):
            self.slapd.binds(name, "wrong")
        self.assertFalse(self.slapd.binds(name, password_of(name)), "locked by failures")
        self.assertEqual(self.worker.call("Admin.Show", {"user": name}, roles=["owner"])["record"]["state"], "locked")
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": name})
        self.assertTrue(self.slapd.binds(name, GOOD))

    def test_administrators_lock_is_never_lifted(self):
        name = self.take()
        link = self.worker.link(name)
        self.slapd.modify(f"uid={name},{PEOPLE}", ("replace", "pwdAccountLockedTime", "000001010000Z"))
        self.fails("LinkDead", self.worker.set_password, link, GOOD)
        self.assertEqual(self.worker.mint("link", name), {"skip": "inactive"})
        self.assertEqual(self.slapd.entry(name)["pwdAccountLockedTime"], ["000001010000Z"])


class StrictPpolicy(Recovery, DirectoryCase):
    ppolicy = PPOLICY["strict"]
    site_options = {"decoy_dn": DECOY}


class QualityOne(DirectoryCase):
    ppolicy = PPOLICY["quality 1"]

    def test_link(self):
        self.worker.set_password(self.worker.link("alice"), GOOD)
        self.assertTrue(self.slapd.binds("alice", GOOD))


class Yescrypt(DirectoryCase):
    ppolicy = PPOLICY["plain"]
    slapd_options = {"acl": "yescrypt"}
    site_options = {"hash": "yescrypt"}

    def test_case_39_link(self):
        self.worker.set_password(self.worker.link("alice"), GOOD)
        self.assertTrue(self.slapd.entry("alice")["userPassword"][0].startswith("{CRYPT}$y$"))
        self.assertTrue(self.slapd.binds("alice", GOOD))
        self.assertEqual(self.fails("PasswordRefused", self.worker.set_password, self.worker.link("alice"), GOOD)["reasons"],
                         ["history"])


class ServerHashes(DirectoryCase):
    ppolicy = {"pwdInHistory": "3", "pwdCheckQuality": "2", "pwdMinLength": "20"}
    slapd_options = {"acl": "server", "extra": "ppolicy_hash_cleartext\n"}
    site_options = {"hash": "server"}

    def test_case_39_server_hashes_and_its_policy_answers(self):
        link = self.worker.link("alice")
        refused = self.fails("PasswordRefused", self.worker.set_password, link, "vR9$kLm2-qXw")
        self.assertEqual(refused["reasons"], ["too-short"])
        self.assertEqual(self.worker.set_password(link, GOOD), {"user": "alice"})
        self.assertFalse(self.slapd.entry("alice")["userPassword"][0].startswith(GOOD[:3]))
        self.assertTrue(self.slapd.binds("alice", GOOD))
        refused = self.fails("PasswordRefused", self.worker.set_password, self.worker.link("alice"), "{SSHA}" + GOOD)
        self.assertEqual(refused["reasons"], ["directory-policy"])


if __name__ == "__main__":
    main()
