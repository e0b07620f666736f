/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pwresetctl(1): every verb is a method of the service, or a look at this host. */

#include <locale.h>
#include <signal.h>
#include <string.h>

#include "verbs.h"
#include "version.h"

int main(int argc, char **argv)
{
	Ctl ctl = { 0 };
	int r;

	setlocale(LC_ALL, "");
	bindtextdomain("pwreset", PWRESET_LOCALEDIR);
	/*
	 * As all that the service says; what is cleaned and measured for a terminal is taken for
	 * it.
	 */
	bind_textdomain_codeset("pwreset", "UTF-8");
	textdomain("pwreset");
	/* A reader that has left (| head) is told of by write(). */
	signal(SIGPIPE, SIG_IGN);

	r = options_parse(&ctl, argc, argv);
	if (r != 0)
		return r;
	if (ctl.options.version) {
		printf("pwresetctl %s\n", PWRESET_VERSION);
	} else if (ctl.options.help) {
		if (ctl.verb)
			help_verb(stdout, ctl.verb);
		else
			help_tool(stdout);
	} else {
		r = ctl.verb->run(&ctl);
	}
	ctl_disconnect(&ctl);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		complain(_("The output could not be written: %s"), strerror(errno));
		return r != 0 ? r : EXIT_FAILED;
	}
	return r;
}
