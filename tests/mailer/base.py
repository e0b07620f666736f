# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the test cases of the mailer share."""
import itertools
import pathlib
import tempfile
import threading
import unittest
from concurrent.futures import ThreadPoolExecutor

import relay as server
import worker
from certificates import Authority

TIMEOUT_S = 5  # [mail] timeout= of the tests
LATE_S = 2     # what a deadline may be overrun by, on a busy machine


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder_object = tempfile.TemporaryDirectory(prefix="pwreset-mailer-")
        cls.folder = pathlib.Path(cls.folder_object.name)
        cls.numbers = itertools.count()
        cls.authority_object = None
        cls.lock = threading.Lock()

    @classmethod
    def tearDownClass(cls):
        cls.folder_object.cleanup()

    @classmethod
    def authority(cls):
        with cls.lock:
            if cls.authority_object is None:
                cls.authority_object = Authority(cls.folder / "ca")
        return cls.authority_object

    def relay(self, **how):
        relay = server.Relay(**how)
        self.addCleanup(relay.close)
        return relay

    def root(self, relay=None, host="127.0.0.1", mail=None, **more):
        keys = {} if relay is None else {"relay": f"{host}:{relay.port}", "tls": relay.tls}
        if relay is not None and relay.tls != "none":
            keys["tls-ca-file"] = str(self.authority().file)
        return worker.make_root(self.folder / f"root{next(self.numbers)}", {**keys, **(mail or {})}, **more)

    def worker(self, relay=None, password=None, **how):
        """A worker that is set up for the relay."""
        one = worker.Worker(self.root(relay, **how), password)
        self.addCleanup(one.close)
        return one

    def together(self, function, names):
        """Runs it for each name at once: what hangs takes its time only once. A dict of results."""
        with ThreadPoolExecutor(max_workers=len(names)) as pool:
            return dict(zip(names, pool.map(function, names)))

    def assert_no_secret(self, text):
        for secret in (worker.SECRET_LINK, worker.SECRET_REVOKE, worker.SECRET_CODE, worker.SECRET_PASSWORD):
            tail = secret.rsplit("/", 1)[-1]
            for part in (tail[i:i + 6] for i in range(len(tail) - 5)):
                self.assertNotIn(part, text)
