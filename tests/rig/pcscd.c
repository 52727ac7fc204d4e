/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vpcd has two slots to a driver and keeps them in a static table, which a second entry of
 * reader.conf with the same library would share: so there is one copy of the library per two
 * readers. (A link would be the same file to the dynamic linker.)
 *
 * pcscd refuses to start while the process that its pid file names exists, even as a zombie; that
 * is why stopping and killing wait until it is reaped.
 */
#include "pcscd.h"

#include "enter.h"
#include "process.h"
#include "readers.h"

#include <check.h>
#include <errno.h>
#include <gio/gio.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define DRIVER           "/usr/lib/pcsc/drivers/serial/libifdvpcd.so"
#define SLOTS_PER_DRIVER 2
#define READY_MS         10000
#define STOP_MS          10000
#define PORT_FIRST       20000 /* below the ports that the kernel gives to clients */
#define PORT_LAST        32000
#define PORT_STEP        RIG_READERS_MAX
#define BACKLOG          16

struct RigPcscd {
	unsigned readers;
	bool activated;
	guint16 port;
	char *directory, *configuration, *socket;
	char *names[RIG_READERS_MAX];
	RigProcess *process;
};

static bool port_is_free(guint16 port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_free;

	ck_assert_int_ge(fd, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0;
	close(fd);
	return is_free;
}

/* Starts at a place that depends on the process id, so that rigs which share a network and look at
   the same moment seldom find the same range. */
static guint16 free_ports(unsigned count)
{
	unsigned ranges = (PORT_LAST - PORT_FIRST) / PORT_STEP;
	unsigned start = (unsigned)getpid() % ranges;

	for (unsigned i = 0; i < ranges; i++) {
		guint16 port = (guint16)(PORT_FIRST + (start + i) % ranges * PORT_STEP);
		unsigned found = 0;

		while (found < count && port_is_free((guint16)(port + found)))
			found++;
		if (found == count)
			return port;
	}
	ck_abort_msg("no %u free ports from %d to %d", count, PORT_FIRST, PORT_LAST);
}

static char *copy_driver(const RigPcscd *pcscd, unsigned number)
{
	g_autofree char *path = g_strdup_printf("%s/vpcd-%u.so", pcscd->directory, number);
	g_autoptr(GFile) from = g_file_new_for_path(DRIVER);
	g_autoptr(GFile) to = g_file_new_for_path(path);
	g_autoptr(GError) error = NULL;

	if (!g_file_copy(from, to, G_FILE_COPY_OVERWRITE, NULL, NULL, NULL, &error))
		ck_abort_msg(
			"cannot copy vpcd's driver (package vsmartcard-vpcd): %s", error->message);
	return g_steal_pointer(&path);
}

static void configure(RigPcscd *pcscd, const char *const *names)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < pcscd->readers; i++) {
		char letter = (char)('A' + i / SLOTS_PER_DRIVER);

		g_autofree char *usual = g_strdup_printf("Virtual PCD %c", letter);
		const char *friendly = names != NULL ? names[i / SLOTS_PER_DRIVER] : usual;

		pcscd->names[i] = g_strdup_printf("%s 00 %02u", friendly, i % SLOTS_PER_DRIVER);
		if (i % SLOTS_PER_DRIVER == 0) {
			g_autofree char *driver = copy_driver(pcscd, i / SLOTS_PER_DRIVER);

			g_string_append_printf(text,
				"FRIENDLYNAME \"%s\"\nDEVICENAME /dev/null:0x%X\n"
				"LIBPATH %s\nCHANNELID 0x%X\n\n",
				friendly, pcscd->port + i, driver, pcscd->port + i);
		}
	}
	pcscd->configuration = g_build_filename(pcscd->directory, "reader.conf", NULL);
	ck_assert(g_file_set_contents(pcscd->configuration, text->str, -1, NULL));
}

static RigPcscd *pcscd_new(unsigned readers, const char *const *names, bool activated)
{
	RigPcscd *pcscd = g_new0(RigPcscd, 1);

	ck_assert_msg(readers <= RIG_READERS_MAX && readers % SLOTS_PER_DRIVER == 0,
		"vpcd cannot make %u readers", readers);
	pcscd->readers = readers;
	pcscd->activated = activated;
	pcscd->directory = rig_make_directory("pcscd");
	pcscd->port = free_ports(MAX(readers, 1));
	configure(pcscd, names);
	if (activated) {
		pcscd->socket = g_build_filename(pcscd->directory, "pcscd.comm", NULL);
		g_setenv("PCSCLITE_CSOCK_NAME", pcscd->socket, TRUE);
		/* pcscd insists on this directory although it then uses our socket. */
		if (mkdir("/run/pcscd", 0755) != 0)
			ck_assert_msg(errno == EEXIST, "pcscd needs a directory /run/pcscd: %s",
				g_strerror(errno));
	}
	return pcscd;
}

RigPcscd *rig_pcscd_new(unsigned readers)
{
	return pcscd_new(readers, NULL, !rig_isolated());
}

RigPcscd *rig_pcscd_new_named(unsigned readers, const char *const *names)
{
	return pcscd_new(readers, names, !rig_isolated());
}

RigPcscd *rig_pcscd_new_activated(unsigned readers)
{
	return pcscd_new(readers, NULL, true);
}

void rig_pcscd_free(RigPcscd *pcscd)
{
	if (pcscd == NULL)
		return;
	rig_process_free(pcscd->process);
	for (unsigned i = 0; i < pcscd->readers; i++)
		g_free(pcscd->names[i]);
	g_free(pcscd->directory);
	g_free(pcscd->configuration);
	g_free(pcscd->socket);
	g_free(pcscd);
}

static int listen_for_it(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_msg(g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) <
			      sizeof(address.sun_path),
		"'%s' is too long for a socket's name", path);
	(void)unlink(path);
	ck_assert_msg(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
			      listen(fd, BACKLOG) == 0,
		"cannot listen on '%s': %s", path, g_strerror(errno));
	return fd;
}

static bool is_ready(gpointer data)
{
	RigPcscd *pcscd = data;
	g_auto(GStrv) names = NULL;

	if (!rig_process_alive(pcscd->process)) {
		g_autofree char *output = rig_process_output(pcscd->process, NULL);
		g_autofree char *errors = rig_process_errors(pcscd->process);

		ck_abort_msg("pcscd has ended: %s%s", output, errors);
	}
	if (!rig_readers_ready())
		return false;
	names = rig_readers_list();
	return g_strv_length(names) == pcscd->readers;
}

void rig_pcscd_start(RigPcscd *pcscd)
{
	const char *argv[] = {"pcscd", "-f", "-c", pcscd->configuration, NULL};
	RigProcessOptions options = {0};

	ck_assert_msg(pcscd->process == NULL, "pcscd runs already");
	if (pcscd->activated)
		options.listen_fd = listen_for_it(pcscd->socket);
	pcscd->process = rig_process_start(argv, &options);
	if (pcscd->activated)
		close(options.listen_fd);
	rig_wait_until(is_ready, pcscd, READY_MS, "pcscd with all its readers");
}

void rig_pcscd_stop(RigPcscd *pcscd)
{
	if (pcscd->process != NULL)
		(void)rig_process_stop(pcscd->process, STOP_MS);
	g_clear_pointer(&pcscd->process, rig_process_free);
}

void rig_pcscd_kill(RigPcscd *pcscd)
{
	g_clear_pointer(&pcscd->process, rig_process_free);
}

pid_t rig_pcscd_pid(const RigPcscd *pcscd)
{
	return pcscd->process != NULL ? rig_process_pid(pcscd->process) : 0;
}

const char *rig_pcscd_reader(const RigPcscd *pcscd, unsigned index)
{
	ck_assert_uint_lt(index, pcscd->readers);
	return pcscd->names[index];
}

guint16 rig_pcscd_port(const RigPcscd *pcscd, unsigned index)
{
	ck_assert_uint_lt(index, pcscd->readers);
	return (guint16)(pcscd->port + index);
}

const char *rig_pcscd_socket(const RigPcscd *pcscd)
{
	return pcscd->socket;
}
