/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The methods that the broker answers itself. */
#pragma once

#include "call.h"

void service_get_info(Call *call);
void service_get_interface_description(Call *call);
void service_hello(Call *call);
void service_get_host(Call *call);
void service_cut_host(Call *call);
void service_lift_host(Call *call);
void service_get_policy(Call *call);
void service_get_status(Call *call);

bool service_has_interface(const char *name);
