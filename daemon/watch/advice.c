/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same failure means another thing at another endpoint: behind a forwarded socket is another
 * machine's pcscd, behind xrdp's an RDP client.
 */

#include "advice.h"

#include "route.h"

#define FAILED "PC/SC failed; trying again with growing pauses"

static const char *local(WireService service, bool linked)
{
	switch (service) {
	case WIRE_SERVICE_ABSENT:
		return linked ? "pcscd went away; waiting for it to come back"
			      : "pcscd does not run; waiting for its socket (is pcscd installed "
				"and pcscd.socket enabled?)";
	case WIRE_SERVICE_DENIED:
		return "pcscd refuses this user: polkit must allow the action "
		       "org.debian.pcsc-lite.access_pcsc (by default only an active local session "
		       "may, so that a rule is needed for ssh, VNC or RDP); trying again with "
		       "pauses of up to a minute";
	case WIRE_SERVICE_INCOMPATIBLE:
		return "pcscd speaks another protocol version than libpcsclite: both must come "
		       "from the same release";
	case WIRE_SERVICE_UNKNOWN:
	case WIRE_SERVICE_OK:
	case WIRE_SERVICE_FAILED:
		break;
	}
	return FAILED;
}

static const char *forwarded(WireService service, bool linked)
{
	switch (service) {
	case WIRE_SERVICE_ABSENT:
		return linked ? "the connection to the other machine's pcscd has ended; waiting "
				"for "
				"it to come back"
			      : "nobody answers on the forwarded socket; waiting for the "
				"connection (does pcscd run on the other machine?)";
	case WIRE_SERVICE_DENIED:
		return "the other machine's pcscd refuses: its polkit must allow the action "
		       "org.debian.pcsc-lite.access_pcsc to the user who forwards the socket";
	case WIRE_SERVICE_INCOMPATIBLE:
		return "the other machine's pcscd speaks another protocol version than the "
		       "libpcsclite here: both must be of one protocol version";
	case WIRE_SERVICE_UNKNOWN:
	case WIRE_SERVICE_OK:
	case WIRE_SERVICE_FAILED:
		break;
	}
	return FAILED;
}

static const char *xrdp(WireService service, bool linked)
{
	switch (service) {
	case WIRE_SERVICE_ABSENT:
		return linked ? "the RDP client has disconnected, or chansrv has ended; waiting "
				"for "
				"the client to come back"
			      : "chansrv does not answer; it does again when the RDP client has "
				"connected anew";
	case WIRE_SERVICE_INCOMPATIBLE:
	case WIRE_SERVICE_DENIED:
	case WIRE_SERVICE_UNKNOWN:
	case WIRE_SERVICE_OK:
	case WIRE_SERVICE_FAILED:
		break;
	}
	return FAILED;
}

const char *advice_of(const char *endpoint, WireService service, bool linked)
{
	unsigned display;

	if (!route_redirected(endpoint))
		return local(service, linked);
	return route_display(endpoint, &display) ? xrdp(service, linked)
						 : forwarded(service, linked);
}
