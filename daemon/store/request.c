/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The request. It comes from our own daemon, and is checked all the same: this program deletes
 * things, so a frame out of order, a number out of range or a frame too many ends it before the
 * first database is opened. The configuration comes as text and is parsed by the same table as the
 * files, so that there is one notion of what a value means.
 */

#include "request.h"

#include "error.h"
#include "plan.h"

#define FLAGS_KNOWN                                                                                \
	((guint64)(WIRE_STORE_DRY_RUN | WIRE_STORE_HAS_SCAN | WIRE_STORE_LOGOUT | WIRE_STORE_ALL | \
		   WIRE_STORE_EXPECTING | WIRE_STORE_CUES | WIRE_STORE_ENABLE |                    \
		   WIRE_STORE_DISABLE))

static void endpoint_free(gpointer data)
{
	PlanEndpoint *endpoint = data;

	g_free(endpoint->name);
	g_free(endpoint);
}

static void present_free(gpointer data)
{
	PlanPresent *present = data;

	token_free(present->token);
	g_free(present->endpoint);
	g_free(present);
}

static void object_free(gpointer data)
{
	RequestObject *object = data;

	g_free(object->path);
	row_free(object->row);
	g_free(object);
}

Request *request_new(void)
{
	Request *request = g_new0(Request, 1);

	request->config = config_new();
	request->endpoints = g_ptr_array_new_with_free_func(endpoint_free);
	request->present = g_ptr_array_new_with_free_func(present_free);
	request->select = select_new();
	request->objects = g_ptr_array_new_with_free_func(object_free);
	return request;
}

Request *request_free(Request *request)
{
	if (request == NULL)
		return NULL;

	g_free(request->host);
	g_free(request->endpoint);
	g_free(request->reader);
	g_free(request->module);
	g_free(request->only);
	config_free(request->config);
	g_ptr_array_unref(request->endpoints);
	g_ptr_array_unref(request->present);
	select_free(request->select);
	g_ptr_array_unref(request->objects);
	g_free(request);
	return NULL;
}

static bool protocol_error(GError **error, const char *what)
{
	g_set_error(error, CERTPROP_ERROR, CERTPROP_ERROR_PROTOCOL, "The request is ill-formed: %s",
		what);
	return false;
}

static bool add_context(Request *request, WireReader *frame, GError **error)
{
	if (request->has_context)
		return protocol_error(error, "a second CONTEXT");

	request->has_context = true;
	request->host = wire_get_text(frame, WIRE_NAME_MAX);
	request->endpoint = wire_get_text(frame, WIRE_NAME_MAX);
	request->reader = wire_get_text(frame, WIRE_NAME_MAX);
	request->module = wire_get_text(frame, WIRE_TEXT_MAX);
	request->now = (gint64)wire_get_number(frame);
	request->flags = wire_get_number(frame);
	request->session = (gint64)wire_get_number(frame);
	if (!wire_reader_done(frame, error))
		return false;
	if (request->flags & ~FLAGS_KNOWN)
		return protocol_error(error, "an unknown flag");
	if (request->now < 0 || request->session < 0)
		return protocol_error(error, "a time before 1970");

	return true;
}

static bool add_config(Request *request, WireReader *frame, GError **error)
{
	g_autofree char *group = wire_get_text(frame, WIRE_NAME_MAX);
	g_autofree char *key = wire_get_text(frame, WIRE_NAME_MAX);
	g_autofree char *value = wire_get_text(frame, WIRE_TEXT_MAX);

	if (!wire_reader_done(frame, error))
		return false;

	return config_set(request->config, group, key, value, "the request", error);
}

static bool add_only(Request *request, WireReader *frame, GError **error)
{
	if (request->only != NULL)
		return protocol_error(error, "a second ONLY");

	request->only = wire_get_text(frame, WIRE_TEXT_MAX);
	return wire_reader_done(frame, error);
}

static bool add_endpoint(Request *request, WireReader *frame, GError **error)
{
	PlanEndpoint *endpoint = g_new0(PlanEndpoint, 1);

	g_ptr_array_add(request->endpoints, endpoint);
	endpoint->name = wire_get_text(frame, WIRE_NAME_MAX);
	endpoint->live = wire_get_number(frame) != 0;
	endpoint->settled = wire_get_number(frame) != 0;
	if (request->endpoints->len > WIRE_ENDPOINTS_MAX)
		return protocol_error(error, "too many endpoints");

	return wire_reader_done(frame, error);
}

static bool add_present(Request *request, WireReader *frame, GError **error)
{
	PlanPresent *present = g_new0(PlanPresent, 1);
	g_autofree char *reader = NULL;
	g_autofree char *manufacturer = NULL;
	g_autofree char *model = NULL;
	g_autofree char *serial = NULL;

	g_ptr_array_add(request->present, present);
	present->endpoint = wire_get_text(frame, WIRE_NAME_MAX);
	reader = wire_get_text(frame, WIRE_NAME_MAX);
	manufacturer = wire_get_text(frame, WIRE_NAME_MAX);
	model = wire_get_text(frame, WIRE_NAME_MAX);
	serial = wire_get_text(frame, WIRE_NAME_MAX);
	present->token = token_new(manufacturer, model, serial, "");
	if (request->present->len > REQUEST_PRESENT_MAX)
		return protocol_error(error, "too many tokens");

	return wire_reader_done(frame, error);
}

static bool add_select(Request *request, WireReader *frame, GError **error)
{
	g_autofree char *kind = wire_get_text(frame, WIRE_NAME_MAX);
	g_autofree char *value = wire_get_text(frame, WIRE_TEXT_MAX);

	if (!wire_reader_done(frame, error))
		return false;

	return select_add(request->select, kind, value, request->now, error);
}

static bool add_object(Request *request, WireReader *frame, GError **error)
{
	RequestObject *object = g_new0(RequestObject, 1);

	g_ptr_array_add(request->objects, object);
	object->path = wire_get_text(frame, WIRE_TEXT_MAX);
	object->row = row_new();
	if (request->objects->len > REQUEST_OBJECTS_MAX)
		return protocol_error(error, "too many objects");

	return wire_reader_done(frame, error);
}

static bool add_attribute(Request *request, WireReader *frame, GError **error)
{
	guint64 type = wire_get_number(frame);
	g_autoptr(GBytes) value = wire_get_bytes(frame, ROW_VALUE_MAX);
	RequestObject *object;

	if (!wire_reader_done(frame, error))
		return false;
	if (request->objects->len == 0)
		return protocol_error(error, "an attribute without an object");
	request->objects_bytes += g_bytes_get_size(value);
	if (request->objects_bytes > REQUEST_OBJECTS_BYTES)
		return protocol_error(error, "too much to put back");

	object = g_ptr_array_index(request->objects, request->objects->len - 1);
	if (!row_may_add(object->row, type))
		return protocol_error(error, "an attribute that no certificate has, or has twice");
	row_add(object->row, (gulong)type, g_steal_pointer(&value));
	return true;
}

static bool add_run(Request *request, WireReader *frame, GError **error)
{
	guint64 mode = wire_get_number(frame);

	if (!wire_reader_done(frame, error))
		return false;
	if (mode > WIRE_STORE_MODULES)
		return protocol_error(error, "an unknown mode");
	if (mode == WIRE_STORE_PURGE && !select_check(request->select, error))
		return false;

	request->mode = (WireStoreMode)mode;
	request->complete = true;
	return true;
}

bool request_add(Request *request, WireReader *frame, GError **error)
{
	guint type = frame->type;

	if (!request->has_context && type != WIRE_STORE_CONTEXT)
		return protocol_error(error, "it does not begin with CONTEXT");

	if (type == WIRE_STORE_CONTEXT)
		return add_context(request, frame, error);
	if (type == WIRE_STORE_CONFIG)
		return add_config(request, frame, error);
	if (type == WIRE_STORE_ONLY)
		return add_only(request, frame, error);
	if (type == WIRE_STORE_ENDPOINT)
		return add_endpoint(request, frame, error);
	if (type == WIRE_STORE_PRESENT)
		return add_present(request, frame, error);
	if (type == WIRE_STORE_SELECT)
		return add_select(request, frame, error);
	if (type == WIRE_STORE_OBJECT)
		return add_object(request, frame, error);
	if (type == WIRE_STORE_ATTRIBUTE)
		return add_attribute(request, frame, error);
	if (type == WIRE_STORE_RUN)
		return add_run(request, frame, error);

	return protocol_error(error, "a frame that does not belong there");
}
