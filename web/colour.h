/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The site's one colour, made readable on light and on dark ground (WCAG 2.2, 1.4.3 and 1.4.11). */
#pragma once

#include "macros.h"

typedef struct Colour {
	uint8_t red, green, blue;
} Colour;

#define COLOUR_LINK_CONTRAST 5.5  /* links on their ground: more than the 4.5 that are asked for */
#define COLOUR_TEXT_CONTRAST 4.5  /* the text of a button on it */
#define COLOUR_SHAPE_CONTRAST 3.0 /* a button on its ground */

/* One scheme: links and the focus ring, buttons, and the text on buttons. */
typedef struct ColourScheme {
	Colour accent;
	Colour button;
	Colour on_button;
} ColourScheme;

/* "#rrggbb": -EBADMSG otherwise. */
int colour_parse(Colour *ret, const char *text);
double colour_contrast(Colour a, Colour b);
/* ground: what links and buttons stand on; the colour is moved away from it until it can be read.
 */
ColourScheme colour_scheme(Colour brand, Colour ground);
