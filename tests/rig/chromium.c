/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * --remote-debugging-pipe: JSON, and a NUL after each message, on descriptors 3 and 4. What
 * DevTools cannot reach is Chromium's own dialogs. So a certificate is chosen by policy, and a PIN
 * is typed with the keyboard of a screen (screen.h); a Chromium without one has no such dialog.
 */
#include "chromium.h"

#include "enter.h"
#include "process.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define PROGRAM    "chromium"
#define OWN_ETC    "/etc/chromium"
#define MANAGER    "chrome://certificate-manager/clientcerts"
#define POLICIES   OWN_ETC "/policies/managed"
#define ANSWER_MS  60000
#define TAIL       2000
#define END_MS     30000
#define ANSWER_MAX (16u << 20)
#define THEIRS_IN  3
#define THEIRS_OUT 4
#define FD_LEAST   16 /* ours stay clear of theirs */
#define PIN_DIALOG "Unlock Security Device"
#define PIN_MS     20000

struct RigChromium {
	RigProcess *process;
	const RigScreen *screen; /* NULL: none */
	int to, from;
	GString *unread;
	gint64 number; /* of the last order */
	char *session; /* of the page; NULL: not yet */
	bool may_crash, crashed;
};

void rig_chromium_policy(const char *host, const char *cn)
{
	g_autofree char *text = g_strdup_printf(
		"{\"AutoSelectCertificateForUrls\": [\"{\\\"pattern\\\": \\\"https://%s\\\", "
		"\\\"filter\\\": {\\\"SUBJECT\\\": {\\\"CN\\\": \\\"%s\\\"}}}\"]}",
		host, cn);

	ck_assert_msg(rig_isolated(), "Chromium's policy needs a mount namespace of our own");
	ck_assert_msg(mount("tmpfs", OWN_ETC, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") == 0,
		"cannot mount on " OWN_ETC ": %s", g_strerror(errno));
	ck_assert_int_eq(g_mkdir_with_parents(POLICIES, 0755), 0);
	ck_assert(g_file_set_contents(POLICIES "/certprop.json", text, -1, NULL));
}

static void make_pipe(int *ret_read, int *ret_write)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	*ret_read = fcntl(fds[0], F_DUPFD_CLOEXEC, FD_LEAST);
	*ret_write = fcntl(fds[1], F_DUPFD_CLOEXEC, FD_LEAST);
	ck_assert(*ret_read >= 0 && *ret_write >= 0);
	close(fds[0]);
	close(fds[1]);
}

static void crash(RigChromium *chromium)
{
	g_autofree char *errors = rig_process_errors(chromium->process);
	gsize length = strlen(errors);

	ck_assert_msg(chromium->may_crash, "Chromium has ended: %s",
		errors + (length > TAIL ? length - TAIL : 0));
	chromium->crashed = true;
}

static void write_message(RigChromium *chromium, const char *text)
{
	gsize length = strlen(text) + 1;

	if (!rig_process_alive(chromium->process) ||
		write(chromium->to, text, length) != (ssize_t)length)
		crash(chromium);
}

static void read_more(RigChromium *chromium, gint64 deadline)
{
	struct pollfd fd = {.fd = chromium->from, .events = POLLIN};
	gint64 left = (deadline - g_get_monotonic_time()) / 1000;
	char buffer[65536];
	ssize_t got;

	ck_assert_msg(left > 0 && poll(&fd, 1, (int)left) == 1,
		"Chromium gives no answer within %d ms", ANSWER_MS);
	got = read(chromium->from, buffer, sizeof(buffer));
	if (got <= 0) {
		crash(chromium);
		return;
	}
	g_string_append_len(chromium->unread, buffer, got);
	ck_assert_uint_lt(chromium->unread->len, ANSWER_MAX);
}

/* NULL: it has crashed. */
static JsonNode *read_message(RigChromium *chromium, gint64 deadline)
{
	g_autoptr(GError) error = NULL;
	JsonNode *node;
	gsize length;

	while ((length = strlen(chromium->unread->str)) == chromium->unread->len) {
		if (chromium->crashed)
			return NULL;
		read_more(chromium, deadline);
	}
	node = json_from_string(chromium->unread->str, &error);
	ck_assert_msg(node != NULL, "Chromium does not speak JSON: %s", chromium->unread->str);
	g_string_erase(chromium->unread, 0, (gssize)length + 1);
	return node;
}

/* Consumes the parameters (NULL: none). */
static void send_order(RigChromium *chromium, const char *method, JsonObject *parameters)
{
	g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
	JsonObject *message = json_object_new();
	g_autofree char *text = NULL;

	json_object_set_int_member(message, "id", ++chromium->number);
	json_object_set_string_member(message, "method", method);
	json_object_set_object_member(
		message, "params", parameters != NULL ? parameters : json_object_new());
	if (chromium->session != NULL)
		json_object_set_string_member(message, "sessionId", chromium->session);
	json_node_take_object(node, message);
	text = json_to_string(node, FALSE);
	write_message(chromium, text);
}

/* The result of the last order; what Chromium tells meanwhile is dropped. NULL: it has crashed. */
static JsonObject *take_result(RigChromium *chromium)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)ANSWER_MS * 1000;

	while (!chromium->crashed) {
		g_autoptr(JsonNode) answer = read_message(chromium, deadline);
		g_autofree char *said = NULL;
		JsonObject *object;

		if (answer == NULL)
			break;
		object = json_node_get_object(answer);
		if (json_object_get_int_member_with_default(object, "id", 0) != chromium->number)
			continue;
		said = json_to_string(answer, FALSE);
		ck_assert_msg(json_object_has_member(object, "result"), "Chromium: %s", said);
		return json_object_ref(json_object_get_object_member(object, "result"));
	}
	return NULL;
}

static JsonObject *order(RigChromium *chromium, const char *method, JsonObject *parameters)
{
	send_order(chromium, method, parameters);
	return take_result(chromium);
}

/* Borrowed from the list of targets. */
static const char *first_page(JsonObject *targets)
{
	JsonArray *list = json_object_get_array_member(targets, "targetInfos");

	for (guint i = 0; i < json_array_get_length(list); i++) {
		JsonObject *target = json_array_get_object_element(list, i);

		if (strcmp(json_object_get_string_member(target, "type"), "page") == 0)
			return json_object_get_string_member(target, "targetId");
	}
	ck_abort_msg("Chromium has no page open");
}

static void attach(RigChromium *chromium)
{
	g_autoptr(JsonObject) targets = order(chromium, "Target.getTargets", NULL);
	g_autoptr(JsonObject) attached = NULL;
	JsonObject *parameters = json_object_new();

	json_object_set_string_member(parameters, "targetId", first_page(targets));
	json_object_set_boolean_member(parameters, "flatten", TRUE);
	attached = order(chromium, "Target.attachToTarget", parameters);
	chromium->session = g_strdup(json_object_get_string_member(attached, "sessionId"));
}

static RigProcess *run(
	const RigHome *home, const RigScreen *screen, const RigProcessOptions *options)
{
	g_autofree char *data = rig_home_path(home, ".config/chromium");
	g_autofree char *data_option = g_strconcat("--user-data-dir=", data, NULL);
	const char *argv[] = {PROGRAM, screen != NULL ? "--ozone-platform=x11" : "--headless",
		"--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync",
		"--disable-default-apps", "--password-store=basic", "--remote-debugging-pipe",
		data_option, "about:blank", NULL};

	return rig_process_start(argv, options);
}

RigChromium *rig_chromium_start(const RigHome *home, const RigScreen *screen)
{
	g_auto(GStrv) environment = rig_home_environment(home);
	RigProcessOptions options = {0};
	RigChromium *chromium = g_new0(RigChromium, 1);
	int in, out;

	if (screen != NULL)
		environment =
			g_environ_setenv(environment, "DISPLAY", rig_screen_display(screen), TRUE);
	options.environment = environment;
	make_pipe(&in, &chromium->to);
	make_pipe(&chromium->from, &out);
	options.fds[0] = in;
	options.fds[1] = THEIRS_IN;
	options.fds[2] = out;
	options.fds[3] = THEIRS_OUT;
	chromium->unread = g_string_new(NULL);
	chromium->screen = screen;
	chromium->process = run(home, screen, &options);
	close(in);
	close(out);
	attach(chromium);
	return chromium;
}

void rig_chromium_may_crash(RigChromium *chromium)
{
	chromium->may_crash = true;
}

bool rig_chromium_crashed(const RigChromium *chromium)
{
	return chromium->crashed;
}

void rig_chromium_free(RigChromium *chromium)
{
	if (chromium == NULL)
		return;
	rig_process_free(chromium->process);
	close(chromium->to);
	close(chromium->from);
	g_string_free(chromium->unread, TRUE);
	g_free(chromium->session);
	g_free(chromium);
}

void rig_chromium_quit(RigChromium *chromium)
{
	/* It may well crash on its way out, also before it answers. */
	chromium->may_crash = true;
	g_clear_pointer(&chromium->session, g_free);
	send_order(chromium, "Browser.close", NULL);
	(void)rig_process_wait(chromium->process, END_MS);
}

static void go_to(RigChromium *chromium, const char *url)
{
	JsonObject *parameters = json_object_new();

	json_object_set_string_member(parameters, "url", url);
	send_order(chromium, "Page.navigate", parameters);
}

static char *arrive(RigChromium *chromium)
{
	g_autoptr(JsonObject) result = take_result(chromium);

	if (result == NULL)
		return g_strdup("crashed");
	return g_strdup(json_object_get_string_member_with_default(result, "errorText", ""));
}

char *rig_chromium_visit(RigChromium *chromium, const char *url)
{
	go_to(chromium, url);
	return arrive(chromium);
}

static bool is_asking(gpointer data)
{
	return rig_screen_has_keyboard(data, PIN_DIALOG);
}

char *rig_chromium_visit_with_pin(RigChromium *chromium, const char *url, const char *pin)
{
	go_to(chromium, url);
	rig_wait_until(is_asking, (gpointer)chromium->screen, PIN_MS, "Chromium asks for the PIN");
	rig_screen_type(chromium->screen, pin);
	return arrive(chromium);
}

/* The text of a page and of what its elements hide, one piece a line. */
static const char deep_text[] =
	"(function text(node) {"
	"  if (node.nodeType === Node.TEXT_NODE) return node.data.trim() + '\\n';"
	"  if (['STYLE', 'SCRIPT'].includes(node.nodeName)) return '';"
	"  const inside = [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes];"
	"  return inside.map(text).join('');"
	"})(document).replace(/\\n+/g, '\\n')";

static char *read_page(RigChromium *chromium)
{
	JsonObject *parameters = json_object_new();
	g_autoptr(JsonObject) result = NULL;

	json_object_set_string_member(parameters, "expression", deep_text);
	result = order(chromium, "Runtime.evaluate", parameters);
	if (result == NULL)
		return g_strdup("");
	return g_strdup(json_object_get_string_member_with_default(
		json_object_get_object_member(result, "result"), "value", ""));
}

typedef struct {
	RigChromium *chromium;
	unsigned number;
} Listed;

/* The number is the last to come, when Chromium has asked all modules. */
static bool is_counted(gpointer data)
{
	Listed *listed = data;
	g_autofree char *page = read_page(listed->chromium);
	g_autoptr(GMatchInfo) match = NULL;
	g_autoptr(GRegex) regex = g_regex_new(
		"View imported certificates from Linux\n(No|\\d+) certificate", 0, 0, NULL);
	g_autofree char *number = NULL;

	if (!g_regex_match(regex, page, 0, &match))
		return listed->chromium->crashed;
	number = g_match_info_fetch(match, 1);
	listed->number = (unsigned)g_ascii_strtoull(number, NULL, 10); /* "No" is 0 */
	return true;
}

unsigned rig_chromium_listed(RigChromium *chromium)
{
	Listed listed = {.chromium = chromium};
	g_autofree char *error = rig_chromium_visit(chromium, MANAGER);

	ck_assert(chromium->crashed || error[0] == '\0');
	rig_wait_until(is_counted, &listed, ANSWER_MS, "Chromium has counted its certificates");
	return listed.number;
}
