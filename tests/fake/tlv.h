/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* BER-TLV as PIV uses it: tags of one to three bytes, definite lengths up to 65535. */

#include <glib.h>

#include <stdbool.h>

void tlv_append(GByteArray *to, guint32 tag, const void *value, gsize length);
/* The value of the first `tag` (of one byte) in a sequence of TLVs, not looking inside of them. */
bool tlv_find(const guint8 *data, gsize length, guint8 tag, const guint8 **ret_value,
	gsize *ret_length) G_GNUC_WARN_UNUSED_RESULT;
