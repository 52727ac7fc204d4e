/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A socket in a home that several machines share leads to a program on one of them, and is seen on
 * all; and inotify tells of what this machine does, and not of what the others do. Nothing is
 * decided by it: it only makes the words better.
 *
 * The numbers are the kernel's, most of them in linux/magic.h. Of FUSE only the word is known:
 * behind it may be sshfs, or a disk.
 */

#include "netfs.h"

#include <sys/vfs.h>

const char *netfs_name(guint64 type)
{
	static const struct {
		guint32 type;
		const char *name;
	} known[] = {
		{0x6969, "NFS"},
		{0xff534d42, "CIFS"},
		{0xfe534d42, "SMB"},
		{0x517b, "SMB"},
		{0x65735546, "FUSE"},
		{0x01021997, "9P"},
		{0x5346414f, "AFS"},
		{0x6b414653, "AFS"},
		{0x00c36400, "Ceph"},
		{0x0bd00bd0, "Lustre"},
		{0x47504653, "GPFS"},
		{0x01161970, "GFS2"},
		{0x7461636f, "OCFS2"},
		{0x73757245, "Coda"},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(known); i++) {
		/* f_type may have a sign. */
		if (known[i].type == (guint32)type)
			return known[i].name;
	}
	return NULL;
}

const char *netfs_of(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 ? netfs_name((guint64)fs.f_type) : NULL;
}
