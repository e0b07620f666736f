# SPDX-License-Identifier: LGPL-2.1-or-later
"""Several people at once (account_list.c): about each it is said what is said of that one alone, whoever stands beside."""

import random
import re
import time

import slapd
from case import GOOD, DirectoryCase, main
from slapd import BASE, DECOY, person
from worker import identifier

ROUNDS = 25
ODD = ["twin", "TWIN", "both", "ｐ003", "p003 ", " p003", "p003", "P003", "p003@example.com", "P004@Example.com", "nobody-here", "", "*", "p0*",
       "a*b", "x)(uid=*", "grace", "heidi", "deep", "local", "named", "staffgid", "system", "new", "late", "nomail", "straße", "strasse", "x" * 250,
       "wide", "ｗide", "opt", "p005", "p006", "p007", "p008"]


class Many(DirectoryCase):
    people_count = 40
    slapd_options = {"modules": ["back_monitor"], "extra": f'database monitor\naccess to * by dn.exact="{slapd.MANAGER}" read\n'}
    site_options = {"decoy_dn": DECOY, "inactive_filter": "(&(objectClass=inetOrgPerson)(description=new))",
                    "privileged_groups": "admins wheel"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        people = [person("twin", 30001), person("other", 30002, uid=["other", "twin"]), person("one", 30003, uid=["one", "both"]),
                  person("two", 30004, uid=["two", "both"]), person("a*b", 30005), person("deep", 30006), person("named", 30007),
                  person("staffgid", 30008, gidNumber="4711"), person("new", 30009, description="new"),
                  person("late", 30010, shadowExpire="1"), person("nomail", 30011, mail=None),
                  person("straße", 30012, mail="strasse@example.com", homeDirectory="/home/s"), person("wide", 30013),
                  person("wide2", 30014, uid=["wide2", "ｗide"])]
        text = "".join(people) + person("opt", 30015).replace("uid::", "uid;lang-de:: " + slapd.base64.b64encode(b"p005").decode() + "\nuid::") + (
            f"dn: cn=upper,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: upper\nmember: uid=deep,{slapd.PEOPLE}\n\n"
            f"dn: cn=plain,ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: plain\n" +
            "".join(f"member: uid=p{n:03},{slapd.PEOPLE}\n" for n in range(20)) + "\n"
            f"dn: cn=wheel,ou=groups,{BASE}\nobjectClass: posixGroup\ncn: wheel\ngidNumber: 4711\nmemberUid: named\n\n")
        cls.slapd.add(text)
        cls.slapd.modify(f"cn=inner,ou=groups,{BASE}", ("add", "member", f"cn=upper,ou=groups,{BASE}"))

    def ask(self, users, roles):
        reply = self.worker.call("Admin.SendLink", {"users": users}, roles=roles, uid=99, via="ctl")
        return [(r["status"], r.get("account")) for r in reply["results"]]

    def alone(self, roles):
        return {user: self.ask([user], roles)[0] for user in ODD}

    def test_asked_together_or_alone(self):
        for roles in (["helpdesk"], ["owner"]):
            alone = self.alone(roles)
            # What the others stand beside is worth it: every kind of answer is among them.
            self.assertEqual(len({status for status, _ in alone.values()}), 6 if roles == ["helpdesk"] else 5, alone)
            for _ in range(ROUNDS):
                users = random.sample(ODD, random.randint(2, len(ODD)))
                users += random.choices(users, k=3)
                with self.subTest(users=users, roles=roles):
                    self.assertEqual(self.ask(users, roles), [alone[user] for user in users])

    def links(self, users, roles=("helpdesk",), **more):
        now = int(time.time())
        requests = [{"id": identifier(), "kind": "link", "user": user, "requester": "99", "roles": list(roles), "created": now,
                     "expires": now + 1800, "attempt": 1, **more} for user in users]
        return requests, self.worker.call("Directory.MintLinks", {"requests": requests}, via="broker")["results"]

    def test_links_made_together_or_alone(self):
        # What an owner may and the directory forbids is an error alone, and ends the answers of several.
        users = [user for user in ODD if user != "system"]
        for roles in (["helpdesk"], ["owner"], []):
            for _ in range(3):
                users = random.sample(users, 30)
                requests, results = self.links(users, roles)
                self.assertEqual(len(results), len(requests))
                for request, result in zip(requests, results):
                    alone = self.worker.call("Directory.Mint", {"request": {**request, "id": identifier()}}, via="broker")
                    with self.subTest(user=request["user"], roles=roles):
                        self.assertEqual(result.get("skip"), alone.get("skip"))
                        if "mail" in result:
                            self.assertEqual(result["mail"]["id"], request["id"])
                            for name in ("to", "language", "template"):
                                self.assertEqual(result["mail"][name], alone["mail"][name])
                            self.assertEqual(result["mail"]["values"]["user"], alone["mail"]["values"]["user"])

    def test_one_that_fails_leaves_those_before_it(self):
        _, results = self.links(["p033", "p034", "system", "p035"], ["owner"])
        self.assertEqual([list(result) for result in results], [["mail"], ["mail"]])

    def test_each_link_opens_its_own_account(self):
        users = [self.take() for _ in range(10, 14)]
        _, results = self.links(users)
        for user, result in zip(users, results):
            ticket = re.search(r"/r/(\S+)$", result["mail"]["values"]["link"]).group(1)
            self.assertEqual(self.worker.set_password(ticket, GOOD), {"user": user})

    def test_again_replaces_and_late_is_skipped(self):
        user = "p030"
        requests, results = self.links([user, "p031"])
        again = self.worker.call("Directory.MintLinks", {"requests": requests}, via="broker")["results"]
        self.assertNotEqual(results[0]["mail"]["values"]["link"], again[0]["mail"]["values"]["link"])
        self.assertEqual(len(self.slapd.tokens(user)), 1)
        _, results = self.links([user, "p031"], expires=int(time.time()) - 1)
        self.assertEqual([r["skip"] for r in results], ["expired", "expired"])

    def test_only_the_brokers_links_of_staffs(self):
        _, results = self.links(["p032"])
        self.assertIn("mail", results[0])
        request = {"id": identifier(), "kind": "link", "user": "p032", "requester": "99", "roles": ["owner"], "created": 1, "expires": 2,
                   "attempt": 1}
        self.fails("PermissionDenied", self.worker.call, "Directory.MintLinks", {"requests": [request]}, via="ctl", uid=0, roles=["root"])
        for change in ({"requester": ""}, {"kind": "code"}, {"kind": "temporary"}, {"ticket": "abc"}, {"id": "x"}):
            self.fails("InvalidParameter", self.worker.call, "Directory.MintLinks", {"requests": [{**request, **change}]}, via="broker")
        self.fails("InvalidParameter", self.worker.call, "Directory.MintLinks", {"requests": [request] * 33}, via="broker")

    def test_what_does_not_fit_is_left_for_another_call(self):
        """Mails of which thirty do not fit into a message: as many as do are answered, and nothing fails."""
        host = "h" * 250
        users = [f"p{n:03}" for n in range(10, 40)]
        for user in users:
            self.slapd.modify(f"uid={user},{slapd.PEOPLE}", ("replace", "displayName", "\"" * 255))
        _, results = self.links(users, origin={"host": host, "address": host, "service": host, "terminal": host})
        self.assertTrue(5 < len(results) < 30, len(results))
        self.assertTrue(all("mail" in result for result in results))

    def test_a_directory_that_dies_on_the_way(self):
        self.slapd.pause()
        try:
            self.fails("Unavailable", self.worker.call, "Admin.SendLink", {"users": ["p001", "p002"]}, roles=["owner"], uid=99, via="ctl",
                       deadline=1500)
        finally:
            self.slapd.resume()

    def test_one_search_for_all(self):
        """Thirty names cost the directory a few searches and not ninety: it counts them itself."""
        before = self.searches()
        self.ask([f"p{n:03}" for n in range(10, 40)], ["helpdesk"])
        # The counting itself, the people, who of them is inactive, their groups, and groups of these.
        self.assertLessEqual(self.searches() - before, 6)

    def searches(self):
        done = self.slapd.client("ldapsearch", "-LLL", "-s", "base", "-b", "cn=Search,cn=Operations,cn=Monitor", "monitorOpCompleted")
        return int(re.search(r"monitorOpCompleted: (\d+)", done.stdout).group(1))


if __name__ == "__main__":
    main()
