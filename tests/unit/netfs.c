/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "netfs.h"

#include <check.h>
#include <linux/magic.h>

#include "harness.h"

static const struct {
	guint64 type;
	const char *name; /* NULL: this machine's alone */
} cases[] = {
	{NFS_SUPER_MAGIC, "NFS"},
	{SMB_SUPER_MAGIC, "SMB"},
	{SMB2_SUPER_MAGIC, "SMB"},
	{CIFS_SUPER_MAGIC, "CIFS"},
	{(guint64)(gint32)CIFS_SUPER_MAGIC, "CIFS"}, /* as a signed f_type */
	{FUSE_SUPER_MAGIC, "FUSE"},
	{V9FS_MAGIC, "9P"},
	{AFS_SUPER_MAGIC, "AFS"},
	{AFS_FS_MAGIC, "AFS"},
	{CEPH_SUPER_MAGIC, "Ceph"},
	{OCFS2_SUPER_MAGIC, "OCFS2"},
	{CODA_SUPER_MAGIC, "Coda"},
	{TMPFS_MAGIC, NULL},
	{EXT4_SUPER_MAGIC, NULL},
	{BTRFS_SUPER_MAGIC, NULL},
	{OVERLAYFS_SUPER_MAGIC, NULL},
	{0, NULL},
};

START_TEST(by_type)
{
	ck_assert_pstr_eq(netfs_name(cases[_i].type), cases[_i].name);
}
END_TEST

START_TEST(by_path)
{
	ck_assert_pstr_eq(netfs_of("/proc"), NULL);
	ck_assert_pstr_eq(netfs_of("/nonexistent"), NULL);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *suite = suite_create("netfs");
	TCase *tcase = tcase_create("netfs");

	tcase_add_loop_test(tcase, by_type, 0, G_N_ELEMENTS(cases));
	tcase_add_test(tcase, by_path);
	suite_add_tcase(suite, tcase);
	return harness_run(suite, argc, argv);
}
