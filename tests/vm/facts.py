# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the machine's maker and the tests inside both know."""

INSIDE = "/opt/pwreset"
RELAY_USER = "pwreset-relay"
FLEET_PORT = 4722
# Who is confined, as people of a site with a strict policy are; all others are unconfined, as Debian has it.
LOGINS = {"rupert": "user_u", "niaj": "user_u", "helen": "staff_u", RELAY_USER: "pwreset_relay_u"}
PROBE = f"{INSIDE}/probe"
DENIED = 10  # the probe's status when it was denied
# Disks and terminals inside.
TESTS_DISK, RESULT_DISK = "/dev/nvme1n1", "/dev/nvme2n1"
SERIAL_LOGIN, SERIAL_PERSON = "ttyS2", "ttyS3"  # two ends of one cable: a login prompt, and who types there
