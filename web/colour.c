/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The site's one colour, made readable on light and on dark ground. */
#include <math.h>
#include <string.h>

#include "colour.h"

#define COLOUR_STEPS 64

static const Colour colour_white = { 0xff, 0xff, 0xff };
static const Colour colour_black = { 0, 0, 0 };

static int hex_byte(const char *text, uint8_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	unsigned value = 0;

	for (int i = 0; i < 2; i++) {
		char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
		const char *digit = c ? strchr(digits, c) : NULL;

		if (!digit)
			return -EBADMSG;
		value = value << 4 | (unsigned)(digit - digits);
	}
	*ret = (uint8_t)value;
	return 0;
}

int colour_parse(Colour *ret, const char *text)
{
	Colour colour;

	if (strlen(text) != 7 || text[0] != '#' || hex_byte(text + 1, &colour.red) < 0 ||
	    hex_byte(text + 3, &colour.green) < 0 || hex_byte(text + 5, &colour.blue) < 0)
		return -EBADMSG;
	*ret = colour;
	return 0;
}

static double channel_linear(uint8_t channel)
{
	double v = channel / 255.0;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double colour_luminance(Colour c)
{
	return 0.2126 * channel_linear(c.red) + 0.7152 * channel_linear(c.green) +
	       0.0722 * channel_linear(c.blue);
}

double colour_contrast(Colour a, Colour b)
{
	double la = colour_luminance(a), lb = colour_luminance(b);

	return (fmax(la, lb) + 0.05) / (fmin(la, lb) + 0.05);
}

static uint8_t channel_mix(uint8_t from, uint8_t to, unsigned step)
{
	return (uint8_t)((from * (COLOUR_STEPS - step) + to * step) / COLOUR_STEPS);
}

/* Mixed with the far end of the scale in small steps, so that as much of the hue stays as can. */
static Colour colour_away(Colour colour, Colour ground, double contrast)
{
	Colour far = colour_luminance(ground) > 0.18 ? (Colour){ 0, 0, 0 } : colour_white;
	Colour mixed = colour;

	for (unsigned step = 0; step <= COLOUR_STEPS; step++) {
		mixed = (Colour){ channel_mix(colour.red, far.red, step),
				  channel_mix(colour.green, far.green, step),
				  channel_mix(colour.blue, far.blue, step) };
		if (colour_contrast(mixed, ground) >= contrast)
			break;
	}
	return mixed;
}

ColourScheme colour_scheme(Colour brand, Colour ground)
{
	ColourScheme scheme = {
		.accent = colour_away(brand, ground, COLOUR_LINK_CONTRAST),
		.button = colour_away(brand, ground, COLOUR_SHAPE_CONTRAST),
	};

	/* One of the two always reaches 4.5, for any colour. */
	scheme.on_button = colour_contrast(scheme.button, colour_white) >= COLOUR_TEXT_CONTRAST
				   ? colour_white
				   : colour_black;
	return scheme;
}
