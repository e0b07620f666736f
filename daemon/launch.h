/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pwresetd --listen: for hosts without systemd, what systemd would do. Root's process, which reads
 * nothing from anybody: it makes the sockets, starts the broker when somebody connects (or the
 * spool is not empty) and a worker for each connection that the broker opens, each as its own user.
 * The broker it starts is the same program without --listen.
 */
#pragma once

/* Runs until SIGTERM. root: see --root. The exit status. */
int launch_run(const char *root);
