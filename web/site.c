/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the configuration makes of every page. */
#include <string.h>

#include "assets.h"
#include "buf.h"
#include "colour.h"
#include "site.h"

#define SITE_COLOUR "#1f5fbf"
/* The grounds of assets/style.css on which links and buttons stand; the less contrasting ones of
 * each scheme. */
#define GROUND_LIGHT ((Colour){ 0xf3, 0xf5, 0xf8 })
#define GROUND_DARK ((Colour){ 0x18, 0x1d, 0x25 })
#define STYLE_MAX (16 * 1024)
#define LOGO_MAX (48 * 1024)

static const char png_start[] = "\x89PNG\r\n\x1a\n";

/* FNV-1a: it tells versions apart, nothing more. */
static uint64_t digest(const char *data, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * 0x100000001b3U;
	return hash;
}

/* Takes data. */
static void asset_set(Asset *asset, const char *path, const char *type, char *data, size_t len)
{
	asset->type = type;
	asset->data = data;
	asset->len = len;
	snprintf(asset->url, sizeof(asset->url), "%s?%08x", path, (unsigned)digest(data, len));
}

static void put_scheme(Buf *out, const ColourScheme *scheme)
{
	const Colour *colours[] = { &scheme->accent, &scheme->button, &scheme->on_button };
	static const char *const names[] = { "accent", "button", "on-button" };

	buf_puts(out, ":root{");
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++)
		buf_printf(out, "--%s:#%02x%02x%02x;", names[i], colours[i]->red, colours[i]->green,
			   colours[i]->blue);
	buf_puts(out, "}");
}

static int style_make(Site *site, Colour brand)
{
	ColourScheme light = colour_scheme(brand, GROUND_LIGHT),
		     dark = colour_scheme(brand, GROUND_DARK);
	char *memory = malloc(STYLE_MAX);
	Buf out;

	if (!memory)
		return -ENOMEM;
	buf_init(&out, memory, STYLE_MAX);
	put_scheme(&out, &light);
	buf_puts(&out, "@media screen and (prefers-color-scheme:dark){");
	put_scheme(&out, &dark);
	buf_puts(&out, "}\n");
	buf_puts(&out, asset_style_css);
	if (out.overflow) {
		free(memory);
		return -EMSGSIZE;
	}
	asset_set(&site->style, "/style.css", "text/css; charset=utf-8", memory, out.len);
	return 0;
}

static int copy_make(Asset *asset, const char *path, const char *type, const char *text)
{
	char *data = strdup(text);

	if (!data)
		return -ENOMEM;
	asset_set(asset, path, type, data, strlen(data));
	return 0;
}

/* The shipped sign, a key on a tile, in the colour of the buttons. */
static int sign_make(Site *site, Colour brand)
{
	ColourScheme scheme = colour_scheme(brand, GROUND_LIGHT);
	char memory[sizeof(asset_logo_svg) + 64], colour[8], on_colour[8];
	const char *text = asset_logo_svg;
	Buf out = BUF(memory);

	buf_init(&out, memory, sizeof(memory));
	snprintf(colour, sizeof(colour), "#%02x%02x%02x", scheme.button.red, scheme.button.green,
		 scheme.button.blue);
	snprintf(on_colour, sizeof(on_colour), "#%02x%02x%02x", scheme.on_button.red,
		 scheme.on_button.green, scheme.on_button.blue);
	for (; *text; text++) {
		if (strncmp(text, "TILE", 4) == 0 || strncmp(text, "SIGN", 4) == 0) {
			buf_puts(&out, *text == 'T' ? colour : on_colour);
			text += 3;
		} else {
			buf_putc(&out, *text);
		}
	}
	return out.overflow ? -EMSGSIZE : copy_make(&site->logo, "/logo", "image/svg+xml", memory);
}

static int logo_load(Site *site, const char *path, IniComplaint complain, void *userdata)
{
	const IniPlace place = { .file = path };
	AUTO_FREE char *data = NULL;
	const char *type;
	size_t len;
	int r = ini_read_file(path, false, &data, &len, complain, userdata);

	if (r == -ENOENT)
		complain(
			&place,
			"The page sees no such file; put the logo into /etc/pwreset/web, or remove logo=.",
			userdata);
	if (r < 0)
		return r;
	if (len >= strlen(png_start) && memcmp(data, png_start, strlen(png_start)) == 0)
		type = "image/png";
	else if (memmem(data, len, "<svg", 4))
		type = "image/svg+xml";
	else
		type = NULL;
	if (!type || len > LOGO_MAX) {
		complain(&place,
			 type ? "The logo is larger than 48 KiB; make it smaller."
			      : "The logo is neither PNG nor SVG; convert it.",
			 userdata);
		return -EBADMSG;
	}
	asset_set(&site->logo, "/logo", type, STEAL(data), len);
	return 0;
}

int site_new(Site **ret, const Config *config, IniComplaint complain, void *userdata)
{
	CLEANUP(site_freep) Site *site = calloc(1, sizeof(*site));
	Colour brand;
	int r;

	if (!site)
		return -ENOMEM;
	site->config = config;
	if (colour_parse(&brand, config->web.colour) < 0)
		(void)colour_parse(&brand, SITE_COLOUR);
	r = style_make(site, brand);
	if (r == 0)
		r = copy_make(&site->script, "/script.js", "text/javascript; charset=utf-8",
			      asset_script_js);
	if (r == 0 && *config->web.logo)
		r = logo_load(site, config->web.logo, complain, userdata);
	else if (r == 0)
		r = sign_make(site, brand);
	if (r < 0)
		return r;
	*ret = STEAL(site);
	return 0;
}

Site *site_free(Site *site)
{
	if (!site)
		return NULL;
	free(site->style.data);
	free(site->script.data);
	free(site->logo.data);
	free(site);
	return NULL;
}

const Asset *site_asset(const Site *site, const char *path)
{
	const Asset *assets[] = { &site->style, &site->script, &site->logo };

	for (size_t i = 0; i < ARRAY_SIZE(assets); i++) {
		size_t len = strcspn(assets[i]->url, "?");

		if (strlen(path) == len && memcmp(path, assets[i]->url, len) == 0)
			return assets[i];
	}
	return NULL;
}
