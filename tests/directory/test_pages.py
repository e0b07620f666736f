# SPDX-License-Identifier: LGPL-2.1-or-later
"""Walks over all people: in pages, within what a server gives anybody, and read once for all parts of a run."""

import re
import time
import unittest

import slapd
from case import DirectoryCase, main
from slapd import DECOY, SERVICE, person

PEOPLE_N = 2600


class Crowd(slapd.Slapd):
    """limits: what follows 'limits dn.exact=SERVICE'; the server's own limit is the usual one of 500 entries."""

    limits = "size.prtotal=unlimited"

    def config(self):
        text = super().config().replace("sizelimit unlimited", "")
        text = re.sub(r"(?m)^limits dn\.exact.*$", f'limits dn.exact="{SERVICE}" {self.limits}', text)
        return text + f'database monitor\naccess to * by dn.exact="{slapd.MANAGER}" read\n'

    def searched(self):
        """(searches, entries sent) until now, as the server counts them."""
        counts = []
        for name, attribute in (("Search,cn=Operations", "monitorOpCompleted"), ("Entries,cn=Statistics", "monitorCounter")):
            done = self.client("ldapsearch", "-LLL", "-s", "base", "-b", f"cn={name},cn=Monitor", attribute)
            counts.append(int(re.search(rf"{attribute}: (\d+)", done.stdout).group(1)))
        return counts


class NoPages(Crowd):
    limits = "size.soft=500 size.hard=500 size.prtotal=disabled"


class Unlimited(Crowd):
    limits = "size=unlimited size.prtotal=disabled"


class Walks(DirectoryCase):
    site_options = {"decoy_dn": DECOY}
    directory = Crowd

    @classmethod
    def make_directory(cls):
        people = [person(f"p{n:05}", 20000 + n, shadowMax="90", shadowLastChange=str(int(time.time()) // 86400 - (87 if n % 2 else 10)),
                         userPassword=None) for n in range(PEOPLE_N)]
        return cls.directory(people=people, modules=("back_monitor",))

    def parts(self, method, **parameters):
        after = {}
        while True:
            reply = self.worker.call(f"Admin.{method}", {**parameters, **after}, roles=["owner"], uid=99, via="ctl", deadline=60000)
            yield reply["users"]
            if "next" not in reply:
                return
            self.assertGreater(reply["next"], after.get("after", ""))
            after = {"after": reply["next"]}


class Pages(Walks):
    def test_everybody_in_pages_of_a_server_with_its_usual_limit(self):
        before = self.slapd.searched()
        parts = list(self.parts("Find", filter="(uid=p*)"))
        after = self.slapd.searched()
        self.assertEqual([name for part in parts for name in part], [f"p{n:05}" for n in range(PEOPLE_N)])
        self.assertEqual([len(part) for part in parts], [1000, 1000, 600])
        searches, entries = after[0] - before[0], after[1] - before[1]
        # Each name is read once for its place in the order and once for what it is; not once for each part before it.
        self.assertLess(entries, 2 * PEOPLE_N + 200)
        # Pages of 500, and three questions for each fifty; not three for each.
        self.assertLess(searches, PEOPLE_N / 500 + 4 * PEOPLE_N / 50 + 20)

    def test_one_walk_for_all_who_expire(self):
        before = self.slapd.searched()
        due = [name for part in self.parts("RemindExpiry", days=7) for name in part]
        after = self.slapd.searched()
        self.assertEqual([name for name in due if name.startswith("p")], [f"p{n:05}" for n in range(1, PEOPLE_N, 2)])
        self.assertLess(after[1] - before[1], 2 * PEOPLE_N + 200)

    def test_a_part_from_anywhere_by_a_worker_that_knows_nothing(self):
        reply = self.worker.call("Admin.Find", {"filter": "(uid=p*)", "after": "p01999"}, roles=["owner"], uid=99, via="ctl", deadline=60000)
        self.assertEqual(reply["users"], [f"p{n:05}" for n in range(2000, PEOPLE_N)])

    def test_what_was_read_is_looked_up_again(self):
        """Between two parts of a walk somebody leaves, somebody becomes out of reach; another walk has another filter."""
        parts = self.parts("Find", filter="(uid=p*)")
        self.assertEqual(len(next(parts)), 1000)
        self.slapd.modify(f"uid=p01500,{slapd.PEOPLE}", ("replace", "objectClass", "inetOrgPerson", "posixAccount", "shadowAccount"))
        done = self.slapd.client("ldapdelete", f"uid=p01501,{slapd.PEOPLE}")
        self.assertEqual(done.returncode, 0, done.stderr)
        try:
            self.assertEqual(self.worker.call("Admin.Find", {"filter": "(uid=p0100*)", "after": "p01005"}, roles=["owner"], uid=99,
                                              via="ctl")["users"], [f"p{n:05}" for n in range(1006, 1010)])
            rest = [name for part in parts for name in part]
            self.assertNotIn("p01501", rest)
            self.assertIn("p01500", rest)
        finally:
            self.slapd.add(person("p01501", 21501, userPassword=None, shadowMax="90",
                                  shadowLastChange=str(int(time.time()) // 86400 - 87)))


class WithoutPages(Walks):
    directory = NoPages

    def test_a_search_that_the_limit_ends_is_refused_as_a_whole(self):
        self.assertEqual(self.fails("NotAllowed", list, self.parts("Find", filter="(uid=p*)")), {"reason": "not-possible-here"})
        self.assertEqual(list(self.parts("Find", filter="(uid=p0000*)")), [[f"p{n:05}" for n in range(10)]])


class AtOnce(Walks):
    directory = Unlimited

    def test_a_server_that_allows_all_but_no_pages(self):
        self.assertEqual(sum(len(part) for part in self.parts("Find", filter="(uid=p*)")), PEOPLE_N)


del Walks

if __name__ == "__main__":
    main()
