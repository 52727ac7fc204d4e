/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All contexts of the process. Two locks, taken in this order and never the other way round: a
 * context's turn, held for a whole call, and the table's, held for a few instructions. A reference
 * keeps a context alive while a call waits for its turn; who finds it released then gives up.
 *
 * A child after fork() starts with none: the connections belong to the parent, and two processes
 * that read answers from one socket would take each other's.
 */
#include "context.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#define HANDLE_MASK 0x7fffffff

struct Context {
	Context *next;
	SCARDCONTEXT handle;
	unsigned references; /* the table's and each call's; under the table's lock */
	bool released, waiting;
	int interrupt; /* an eventfd, or -1 */
	pthread_mutex_t turn;
	Remote remote;
	Card *cards; /* changed with both locks, read with either */
};

static pthread_mutex_t table = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static Context *contexts;
static uint32_t last_handle;

static void context_free(Context *context)
{
	while (context->cards != NULL) {
		Card *card = context->cards;

		context->cards = card->next;
		free(card);
	}
	connection_close(context->remote.connection);
	if (context->interrupt >= 0)
		(void)close(context->interrupt);
	free(context);
}

static void lock_table(void)
{
	(void)pthread_mutex_lock(&table);
}

static void unlock_table(void)
{
	(void)pthread_mutex_unlock(&table);
}

static void start_anew(void)
{
	while (contexts != NULL) {
		Context *context = contexts;

		contexts = context->next;
		context_free(context);
	}
	(void)pthread_mutex_unlock(&table);
}

/* The first handle is a random one: a stale handle of another program, or of a library that was
   unloaded, should not fit by accident. */
static void set_up(void)
{
	(void)pthread_atfork(lock_table, unlock_table, start_anew);
	if (getrandom(&last_handle, sizeof(last_handle), GRND_NONBLOCK) !=
		(ssize_t)sizeof(last_handle))
		last_handle = (uint32_t)getpid();
}

static Context *find(SCARDCONTEXT handle)
{
	for (Context *context = contexts; context != NULL; context = context->next) {
		if (context->handle == handle)
			return context;
	}
	return NULL;
}

static Card *find_card(const Context *context, SCARDHANDLE handle)
{
	for (Card *card = context->cards; card != NULL; card = card->next) {
		if (card->handle == handle)
			return card;
	}
	return NULL;
}

static Context *find_by_card(SCARDHANDLE handle)
{
	for (Context *context = contexts; context != NULL; context = context->next) {
		if (find_card(context, handle) != NULL)
			return context;
	}
	return NULL;
}

static long next_handle(void)
{
	long handle;

	do {
		handle = ++last_handle & HANDLE_MASK;
	} while (handle == 0 || find(handle) != NULL || find_by_card(handle) != NULL);
	return handle;
}

LONG context_new(DWORD scope, SCARDCONTEXT *ret_handle)
{
	Connection *connection;
	Context *context;
	Remote remote;
	LONG code;

	(void)pthread_once(&once, set_up);
	code = connection_open(&connection);
	if (code == SCARD_S_SUCCESS)
		code = remote_establish(connection, (uint32_t)scope, &remote);
	if (code != SCARD_S_SUCCESS)
		return code;
	context = calloc(1, sizeof(*context));
	if (context == NULL) {
		connection_close(connection);
		return SCARD_E_NO_MEMORY;
	}
	context->references = 1;
	context->remote = remote;
	context->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)pthread_mutex_init(&context->turn, NULL);
	lock_table();
	context->handle = next_handle();
	context->next = contexts;
	contexts = context;
	*ret_handle = context->handle;
	unlock_table();
	return SCARD_S_SUCCESS;
}

static void drop_reference(Context *context)
{
	bool last;

	lock_table();
	last = --context->references == 0;
	unlock_table();
	if (last) {
		(void)pthread_mutex_destroy(&context->turn);
		context_free(context);
	}
}

/* With the table's lock held, which it gives back. */
static Context *take_found(Context *context)
{
	if (context != NULL)
		context->references++;
	unlock_table();
	if (context == NULL)
		return NULL;
	(void)pthread_mutex_lock(&context->turn);
	if (!context->released)
		return context;
	context_give(context);
	return NULL;
}

Context *context_take(SCARDCONTEXT handle)
{
	lock_table();
	return take_found(find(handle));
}

Context *context_take_card(SCARDHANDLE handle, Card **ret_card)
{
	Context *context;
	Card *card;

	lock_table();
	context = take_found(find_by_card(handle));
	if (context == NULL)
		return NULL;
	/* It may have been disconnected while we waited. */
	card = find_card(context, handle);
	if (card == NULL) {
		context_give(context);
		return NULL;
	}
	*ret_card = card;
	return context;
}

void context_give(Context *context)
{
	(void)pthread_mutex_unlock(&context->turn);
	drop_reference(context);
}

bool context_exists(SCARDCONTEXT handle)
{
	bool exists;

	lock_table();
	exists = find(handle) != NULL;
	unlock_table();
	return exists;
}

const Remote *context_remote(const Context *context)
{
	return &context->remote;
}

void context_release(Context *context)
{
	lock_table();
	for (Context **link = &contexts; *link != NULL; link = &(*link)->next) {
		if (*link == context) {
			*link = context->next;
			break;
		}
	}
	context->references--;
	context->released = true;
	unlock_table();
	remote_release(&context->remote);
}

SCARDHANDLE context_add_card(Context *context, Card *card)
{
	lock_table();
	card->handle = next_handle();
	card->next = context->cards;
	context->cards = card;
	unlock_table();
	return card->handle;
}

void context_drop_card(Context *context, Card *card)
{
	lock_table();
	for (Card **link = &context->cards; *link != NULL; link = &(*link)->next) {
		if (*link == card) {
			*link = card->next;
			break;
		}
	}
	unlock_table();
	free(card);
}

static void drain_interrupt(const Context *context)
{
	eventfd_t count;

	if (context->interrupt >= 0)
		(void)eventfd_read(context->interrupt, &count);
}

int context_begin_wait(Context *context)
{
	lock_table();
	context->waiting = true;
	unlock_table();
	return context->interrupt;
}

void context_end_wait(Context *context)
{
	lock_table();
	context->waiting = false;
	drain_interrupt(context);
	unlock_table();
}

bool context_cancel(SCARDCONTEXT handle)
{
	Context *context;

	lock_table();
	context = find(handle);
	if (context != NULL && context->waiting && context->interrupt >= 0)
		(void)eventfd_write(context->interrupt, 1);
	unlock_table();
	return context != NULL;
}
