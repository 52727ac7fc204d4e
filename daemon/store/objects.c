/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From certificate objects to what the planner sees. An object whose certificate or marker cannot
 * be read has no marker for us, and is left alone.
 */

#include "objects.h"

#include "error.h"
#include "trust.h"

static Marker *read_marker(const NssdbCert *raw)
{
	g_autoptr(Marker) marker = NULL;
	gsize len;
	const void *data = g_bytes_get_data(raw->url, &len);

	if (len > 0)
		marker = marker_parse(data, len, NULL);

	return g_steal_pointer(&marker);
}

bool objects_read_ties(Nssdb *db, PlanObject *object, GError **error)
{
	const Cert *cert = object->cert;

	if (!trust_look(db, cert, &object->has_trust, &object->own_trust, error) ||
		!nssdb_has_key(db, cert->spki_der, &object->has_key, error))
		return false;

	/* NSS gives a key and its certificate the same CKA_ID; whoever else wrote it may have
	   chosen another one. Ours is never a key's. */
	return object->marker != NULL || object->has_key ||
	       nssdb_has_key_id(db, object->id, &object->has_key, error);
}

PlanObject *objects_read(Nssdb *db, gulong handle, Cert *known, GError **error)
{
	g_autoptr(NssdbCert) raw = nssdb_read(db, handle, error);
	g_autoptr(PlanObject) object = NULL;

	if (raw == NULL)
		return NULL;

	object = g_new0(PlanObject, 1);
	object->handle = handle;
	object->label = g_steal_pointer(&raw->label);
	object->id = g_steal_pointer(&raw->id);
	if (known != NULL && g_bytes_equal(known->der, raw->der))
		object->cert = cert_ref(known);
	else
		object->cert = cert_parse(raw->der, NULL);
	if (object->cert == NULL)
		return g_steal_pointer(&object);

	object->marker = read_marker(raw);
	if (object->marker == NULL || !marker_is_ours(object->marker))
		return g_steal_pointer(&object);
	return objects_read_ties(db, object, error) ? g_steal_pointer(&object) : NULL;
}

/* Reads and adds; an object that has gone meanwhile is none. */
static bool add(GPtrArray *objects, Nssdb *db, gulong handle, Cert *known, GError **error)
{
	g_autoptr(GError) local = NULL;
	PlanObject *object = objects_read(db, handle, known, &local);

	if (object == NULL && !g_error_matches(local, CERTPROP_ERROR, CERTPROP_ERROR_CHANGED)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (object != NULL && (known == NULL || object->cert == known))
		g_ptr_array_add(objects, object);
	else
		plan_object_free(object);

	return true;
}

static void destroy_object(gpointer data)
{
	plan_object_free(data);
}

GPtrArray *objects_marked(Nssdb *db, GError **error)
{
	g_autoptr(GArray) handles = nssdb_certs(db, true, error);
	g_autoptr(GPtrArray) objects = NULL;

	if (handles == NULL)
		return NULL;

	objects = g_ptr_array_new_with_free_func(destroy_object);
	for (guint i = 0; i < handles->len; i++) {
		if (!add(objects, db, g_array_index(handles, gulong, i), NULL, error))
			return NULL;
	}

	return g_steal_pointer(&objects);
}

static bool is_known(const GPtrArray *objects, gulong handle)
{
	for (guint i = 0; i < objects->len; i++) {
		const PlanObject *object = g_ptr_array_index(objects, i);

		if (object->handle == handle)
			return true;
	}

	return false;
}

bool objects_add_equal(GPtrArray *objects, Nssdb *db, Cert *cert, GError **error)
{
	g_autoptr(GArray) handles = nssdb_find(db, cert->issuer_der, cert->serial_der, error);

	if (handles == NULL)
		return false;

	for (guint i = 0; i < handles->len; i++) {
		gulong handle = g_array_index(handles, gulong, i);

		if (!is_known(objects, handle) && !add(objects, db, handle, cert, error))
			return false;
	}

	return true;
}
