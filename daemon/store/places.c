/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where programs keep their NSS databases.
 *
 * Firefox keeps its profiles in ~/.mozilla/firefox if that exists, and from version 147 on in
 * $XDG_CONFIG_HOME/mozilla/firefox otherwise. A Flatpak has a ~/.var/app/ID of its own for both,
 * with "config" for $XDG_CONFIG_HOME and "data" for $XDG_DATA_HOME; a snap's home is
 * ~/snap/NAME/current, and the browsers as snaps keep what must survive an update in
 * ~/snap/NAME/common. Chromium has no database for each profile but one for the user, from version
 * 146 on in $XDG_DATA_HOME/pki/nssdb if there is no ~/.pki/nssdb; those that are not in a sandbox
 * share it with Evolution and everybody else (databases.c knows that one).
 *
 * LibreOffice has none: it uses a profile of Firefox or Thunderbird, or what
 * MOZILLA_CERTIFICATE_FOLDER names.
 */

#include "places.h"

#define FLATPAK(id) ".var/app/" id
#define SNAP(name)  "snap/" name

#define PROFILES(app, dir)                                                  \
	{                                                                   \
		.application = (app), .kind = PLACE_PROFILES, .path = (dir) \
	}
#define PROFILES_IN_CONFIG(app, dir)                                                           \
	{                                                                                      \
		.application = (app), .kind = PLACE_PROFILES, .in_config = true, .path = (dir) \
	}
#define BOXED_PROFILES(app, box, dir)                                                             \
	{                                                                                         \
		.application = (app), .kind = PLACE_PROFILES, .path = box "/" dir, .sandbox = box \
	}
#define BOXED_DATABASE(app, box, dir, what)                                                        \
	{                                                                                          \
		.application = (app), .kind = PLACE_DATABASE, .path = box "/" dir, .sandbox = box, \
		.profile = (what)                                                                  \
	}

static const Place table[] = {
	PROFILES_IN_CONFIG("firefox", "mozilla/firefox"),
	PROFILES("firefox", ".mozilla/firefox"),
	PROFILES("firefox", ".mozilla/firefox-esr"),
	BOXED_PROFILES("firefox", SNAP("firefox"), "common/.mozilla/firefox"),
	BOXED_PROFILES("firefox", SNAP("firefox"), "common/.config/mozilla/firefox"),
	BOXED_PROFILES("firefox", FLATPAK("org.mozilla.firefox"), ".mozilla/firefox"),
	BOXED_PROFILES("firefox", FLATPAK("org.mozilla.firefox"), "config/mozilla/firefox"),

	PROFILES("thunderbird", ".thunderbird"),
	PROFILES_IN_CONFIG("thunderbird", "thunderbird"),
	BOXED_PROFILES("thunderbird", SNAP("thunderbird"), "common/.thunderbird"),
	BOXED_PROFILES("thunderbird", FLATPAK("org.mozilla.Thunderbird"), ".thunderbird"),
	BOXED_PROFILES("thunderbird", FLATPAK("org.mozilla.Thunderbird"), "config/thunderbird"),
	BOXED_PROFILES("thunderbird", FLATPAK("org.mozilla.thunderbird"), ".thunderbird"),
	BOXED_PROFILES("thunderbird", FLATPAK("org.mozilla.thunderbird"), "config/thunderbird"),
	BOXED_PROFILES("thunderbird", FLATPAK("eu.betterbird.Betterbird"), ".thunderbird"),

	BOXED_DATABASE("chromium", SNAP("chromium"), "current/.pki/nssdb", "snap"),
	BOXED_DATABASE("chromium", SNAP("chromium"), "current/.local/share/pki/nssdb", "snap"),
	BOXED_DATABASE("chromium", FLATPAK("org.chromium.Chromium"), ".pki/nssdb", "Flatpak"),
	BOXED_DATABASE("chromium", FLATPAK("org.chromium.Chromium"), "data/pki/nssdb", "Flatpak"),
	BOXED_DATABASE("chromium", FLATPAK("com.google.Chrome"), ".pki/nssdb", "Chrome, Flatpak"),
	BOXED_DATABASE(
		"chromium", FLATPAK("com.google.Chrome"), "data/pki/nssdb", "Chrome, Flatpak"),
};

const Place *places(gsize *ret_n)
{
	*ret_n = G_N_ELEMENTS(table);
	return table;
}

char *place_path(const Place *place)
{
	const char *base = place->in_config ? g_get_user_config_dir() : g_get_home_dir();

	return g_build_filename(base, place->path, NULL);
}

char *place_fence(const Place *place)
{
	return g_build_filename(g_get_home_dir(), place->sandbox, NULL);
}
