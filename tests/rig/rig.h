/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Everything that an integration test needs; see tests/README.md. */

#include "db.h"
#include "enter.h"
#include "home.h"
#include "pcscd.h"
#include "process.h"
#include "readers.h"
#include "rigcard.h"
#include "rigchansrv.h"
#include "rigforward.h"
#include "rigpolkit.h"
#include "rigtls.h"
#include "rigxrdp.h"
