/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* It listens as soon as somebody can connect to it. */
#include "rigforward.h"

#include "enter.h"
#include "process.h"

#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PCSCD_SOCKET "/run/pcscd/pcscd.comm"
#define START_MS     10000

struct RigForward {
	RigProcess *process;
};

static bool is_reachable(gpointer data)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool reached;

	g_strlcpy(address.sun_path, data, sizeof(address.sun_path));
	reached = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return reached;
}

static RigForward *forward_new(const char *path, const char *target, const char *who)
{
	g_autofree char *program = rig_program("tests/fake/fake-forward");
	const char *argv[] = {program, path, target, who, NULL};
	RigForward *forward = g_new0(RigForward, 1);

	(void)unlink(path);
	forward->process = rig_process_start(argv, NULL);
	rig_wait_until(is_reachable, (gpointer)path, START_MS, "a forwarded socket");
	return forward;
}

RigForward *rig_forward_new(const char *path)
{
	const char *named = g_getenv("PCSCLITE_CSOCK_NAME");

	return forward_new(path, named != NULL ? named : PCSCD_SOCKET, NULL);
}

RigForward *rig_forward_new_guarded(const char *path, const char *target)
{
	return forward_new(path, target, "polkit");
}

void rig_forward_free(RigForward *forward)
{
	if (forward == NULL)
		return;
	rig_process_free(forward->process);
	g_free(forward);
}
