/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Redirected endpoints are found by looking, each time from the beginning: the configuration names
 * forwarded sockets, and xrdp's chansrv makes the directory .pcscN for display N in the user's
 * home. The environment says nothing: one user manager serves all sessions of a user, and its
 * variables are those of whichever logged in last.
 *
 * Whoever can make the socket, or put another one in its place, decides what "cards" there are. So
 * it has to be the user's (a forwarded one may be root's), in a directory that nobody else can
 * write to or exchange, and neither xrdp's directory nor any socket may be a symbolic link. What
 * is mounted from elsewhere is not even looked at: it may never answer.
 */

#include "site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "environment.h"
#include "ground.h"
#include "netfs.h"
#include "owner.h"
#include "route.h"

#define SOCKET_PATH_MAX 107u /* what a sockaddr_un holds */
#define NAMED_MAX       8u

const char *site_state_word(SiteState state)
{
	switch (state) {
	case SITE_READY:
		return "ready";
	case SITE_ABSENT:
		return "absent";
	case SITE_DENIED:
		return "denied";
	case SITE_FOREIGN:
		return "foreign";
	case SITE_UNSUPPORTED:
		return "unsupported";
	case SITE_STALE:
		return "stale";
	}

	return "unknown";
}

bool site_state_dark(SiteState state)
{
	return state == SITE_DENIED || state == SITE_UNSUPPORTED;
}

static Site *site_new(char *endpoint, char *socket)
{
	Site *site = g_new0(Site, 1);

	site->endpoint = endpoint;
	site->socket = socket;
	return site;
}

Site *site_dup(const Site *site)
{
	return site_new(g_strdup(site->endpoint), g_strdup(site->socket));
}

void site_free(Site *site)
{
	if (site == NULL)
		return;

	g_free(site->endpoint);
	g_free(site->socket);
	g_free(site);
}

const char *site_home(void)
{
	const char *home = g_get_home_dir();

	return home != NULL && g_path_is_absolute(home) ? home : NULL;
}

static void add_forwarded(GPtrArray *sites, const Config *config)
{
	for (char **text = config->forwarded; text != NULL && *text != NULL; text++) {
		g_autofree char *name = NULL;
		g_autofree char *path = NULL;

		if (!route_split(*text, &name, &path))
			continue;
		if (*path == '~' && site_home() == NULL)
			continue;
		g_ptr_array_add(
			sites, site_new(g_strconcat(ROUTE_FORWARDED, name, NULL),
				       *path == '~' ? g_build_filename(site_home(), path + 2, NULL)
						    : g_steal_pointer(&path)));
	}
}

static gint compare_displays(gconstpointer a, gconstpointer b)
{
	unsigned one = *(const unsigned *)a, other = *(const unsigned *)b;

	return (one > other) - (one < other);
}

static void add_xrdp(GPtrArray *sites)
{
	g_autoptr(GArray) displays = g_array_new(FALSE, FALSE, sizeof(unsigned));
	g_autoptr(GDir) dir = site_home() != NULL ? g_dir_open(site_home(), 0, NULL) : NULL;
	const char *name;

	while (dir != NULL && displays->len < SITES_FOUND_MAX &&
		(name = g_dir_read_name(dir)) != NULL) {
		unsigned display;

		if (route_directory(name, &display))
			g_array_append_val(displays, display);
	}
	g_array_sort(displays, compare_displays);

	for (guint i = 0; i < displays->len; i++) {
		unsigned display = g_array_index(displays, unsigned, i);

		g_ptr_array_add(sites,
			site_new(g_strdup_printf(ROUTE_XRDP "%u", display),
				g_strdup_printf("%s/.pcsc%u/" SITE_SOCKET, site_home(), display)));
	}
}

GPtrArray *sites_find(const Config *config)
{
	GPtrArray *sites = g_ptr_array_new_with_free_func((GDestroyNotify)site_free);

	if (config->redirected == CONFIG_REDIRECTED_IGNORE)
		return sites;

	add_forwarded(sites, config);
	add_xrdp(sites);
	return sites;
}

const Site *sites_get(const GPtrArray *sites, const char *endpoint)
{
	for (guint i = 0; i < sites->len; i++) {
		const Site *site = g_ptr_array_index(sites, i);

		if (strcmp(site->endpoint, endpoint) == 0)
			return site;
	}
	return NULL;
}

char *sites_names(const GPtrArray *sites, guint from)
{
	GString *text = g_string_new(NULL);

	for (guint i = from; i < sites->len && i < from + NAMED_MAX; i++) {
		const Site *site = g_ptr_array_index(sites, i);

		g_string_append_printf(text, "%s%s", i > from ? ", " : "", site->endpoint);
	}
	if (sites->len > from + NAMED_MAX)
		g_string_append_printf(text, " and %u more", sites->len - from - NAMED_MAX);
	return g_string_free(text, FALSE);
}

static SiteState refuse(SiteState state, const char *path, const char *why, char **ret_detail)
{
	*ret_detail = g_strdup_printf("%s %s", path, why);
	return state;
}

static SiteState failed(const Site *site, const char *path, int error, char **ret_detail)
{
	unsigned display;

	if (error == EXDEV)
		return refuse(SITE_FOREIGN, path,
			"is not looked at: it is on a network file system or FUSE, which may not "
			"answer",
			ret_detail);
	if (error != ENOENT && error != ENOTDIR)
		return refuse(SITE_DENIED, path, g_strerror(error), ret_detail);
	*ret_detail = g_strdup_printf("%s does not exist; waiting for %s", path,
		route_display(site->endpoint, &display) ? "an RDP client with smart cards" : "it");
	return SITE_ABSENT;
}

static SiteState check_directory(const Site *site, bool xrdp, char **ret_detail)
{
	g_autofree char *directory = g_path_get_dirname(site->socket);
	struct stat st;

	if (ground_stat(directory, !xrdp, &st) < 0)
		return failed(site, directory, errno, ret_detail);
	if (!S_ISDIR(st.st_mode))
		return refuse(SITE_FOREIGN, directory, "is not a directory", ret_detail);
	if (xrdp ? st.st_uid != geteuid() : !owner_trusted(&st))
		return refuse(SITE_FOREIGN, directory, "belongs to somebody else", ret_detail);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return refuse(SITE_FOREIGN, directory,
			"can be written to by others: it must be the user's alone (chmod go-w)",
			ret_detail);
	return SITE_READY;
}

/* Whoever can exchange a directory above it exchanges it as well: the home, for xrdp's. */
static SiteState check_way(const Site *site, char **ret_detail)
{
	g_autofree char *directory = g_path_get_dirname(site->socket);
	const char *why;
	g_autofree char *gap = owner_find_gap(directory, &why);

	if (gap == NULL)
		return SITE_READY;
	*ret_detail = g_strdup_printf(
		"%s %s: %s could be another one at any time (chmod go-w)", gap, why, directory);
	return SITE_FOREIGN;
}

static SiteState check_socket(const Site *site, bool xrdp, SiteEpoch *ret_epoch, char **ret_detail)
{
	struct stat st;

	if (strlen(site->socket) > SOCKET_PATH_MAX)
		return refuse(
			SITE_FOREIGN, site->socket, "is too long for a socket's name", ret_detail);
	if (ground_stat(site->socket, false, &st) < 0)
		return failed(site, site->socket, errno, ret_detail);
	if (!S_ISSOCK(st.st_mode))
		return refuse(SITE_FOREIGN, site->socket, "is not a socket", ret_detail);
	if (xrdp ? st.st_uid != geteuid() : !owner_trusted(&st))
		return refuse(SITE_FOREIGN, site->socket, "belongs to somebody else", ret_detail);

	*ret_epoch = (SiteEpoch){st.st_dev, st.st_ino, st.st_ctim};
	return SITE_READY;
}

SiteState site_check(const Site *site, SiteEpoch *ret_epoch, char **ret_detail)
{
	unsigned display;
	bool xrdp = route_display(site->endpoint, &display);
	SiteState state = check_directory(site, xrdp, ret_detail);

	if (state == SITE_READY)
		state = check_way(site, ret_detail);
	if (state == SITE_READY)
		state = check_socket(site, xrdp, ret_epoch, ret_detail);
	if (state == SITE_READY && xrdp) {
		g_autofree char *provider = environment_provider();

		if (access(provider, R_OK) < 0)
			return refuse(SITE_UNSUPPORTED, provider,
				"is not there: without it nothing here speaks xrdp's protocol",
				ret_detail);
	}
	if (state == SITE_READY)
		*ret_detail = g_strdup("");
	return state;
}

/* chansrv leaves its socket behind when it is killed or the machine loses power, and in a home that
   is kept they pile up. Only an attempt tells; it never waits, and nothing is said or read. */
static bool refuses(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool refused;

	g_strlcpy(address.sun_path, path, sizeof address.sun_path);
	refused = fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0 &&
		  (errno == ECONNREFUSED || errno == ENOENT);
	if (fd >= 0)
		(void)close(fd);
	return refused;
}

bool site_stale(const Site *site, char **ret_detail)
{
	const char *shared = netfs_of(site->socket);
	unsigned display;

	if (!route_display(site->endpoint, &display) || !refuses(site->socket))
		return false;

	*ret_detail =
		shared != NULL
			? g_strdup_printf("nobody on this machine listens on %s: it was made on "
					  "another host that shares this home (by %s), or its "
					  "session has ended",
				  site->socket, shared)
			: g_strdup_printf("nobody listens on %s: its session has ended, or "
					  "chansrv was killed",
				  site->socket);
	return true;
}

static bool is_silent(const Site *site)
{
	SiteEpoch epoch;
	g_autofree char *detail = NULL;
	SiteState state = site_check(site, &epoch, &detail);
	unsigned display;

	if (state != SITE_READY)
		return !site_state_dark(state);
	return route_display(site->endpoint, &display) && refuses(site->socket);
}

static gint compare_ranks(gconstpointer a, gconstpointer b)
{
	const Site *one = *(const Site *const *)a, *other = *(const Site *const *)b;
	unsigned n = 0, m = 0;
	bool xrdp = route_display(one->endpoint, &n);

	if (xrdp != route_display(other->endpoint, &m))
		return xrdp ? 1 : -1;
	if (xrdp && one->silent != other->silent)
		return one->silent ? 1 : -1;
	return (n > m) - (n < m); /* the sort is stable */
}

void sites_rank(GPtrArray *sites)
{
	for (guint i = 0; i < sites->len; i++) {
		Site *site = g_ptr_array_index(sites, i);

		site->silent = is_silent(site);
	}
	g_ptr_array_sort(sites, compare_ranks);
}

bool site_exists(const Site *site)
{
	g_autofree char *directory = g_path_get_dirname(site->socket);
	struct stat st;

	return ground_stat(directory, false, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool site_epoch_equal(const SiteEpoch *a, const SiteEpoch *b)
{
	return a->device == b->device && a->inode == b->inode &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}
