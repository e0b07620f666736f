/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failures on order: linked into a second build of the module with --wrap, so that each call that
 * the module makes to libc or libpam can be made to fail while the test and libpam go on as usual.
 */
#pragma once

typedef enum FaultMode {
	FAULT_NONE,
	FAULT_ONCE,  /* the nth call fails */
	FAULT_FROM,  /* the nth call and all after it */
	FAULT_SHORT, /* nothing fails, but reads and sends take a byte at a time and poll is
			interrupted */
} FaultMode;

/* Counts from one again. */
void fault_arm(FaultMode mode, unsigned n);
/* What failed first since then; "" when nothing did. */
const char *fault_name(void);
