// SPDX-License-Identifier: LGPL-2.1-or-later
// The person in front of Firefox, and what he can see. Runs in its browser window with all privileges;
// every function takes a string and returns one.
//
// Firefox's own dialog is answered from inside, at the moment when it says that it is ready: it stops the
// program's other scripts until it has an answer.

const certificates = Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB);
const remembered = Cc["@mozilla.org/security/clientAuthRememberService;1"].getService(
	Ci.nsIClientAuthRememberService,
);
const builtin = "Builtin Object Token";
const system = Services.scriptSecurityManager.getSystemPrincipal();

async function workOn(work, lines) {
	for (let i = 0; !work.ended; i = (i + 1) % lines.length) {
		const start = performance.now();
		try {
			const cert = certificates.addCertFromBase64(lines[i], ",,");
			if (i % 2 === 1) certificates.deleteCertificate(cert);
		} catch (error) {
			work.failures.push(`${error}`);
		}
		work.worst = Math.max(work.worst, performance.now() - start);
		work.written++;
		await new Promise((next) => window.setTimeout(next, 0));
	}
}

const person = {
	pin: "",
	prompts: 0,
	visits: 0,
	url: "",

	setPin(pin) {
		person.pin = pin;
		return "";
	},

	list() {
		// What a script has seen once would be listed until it is collected.
		Cu.forceGC();
		const lines = [];
		for (const cert of certificates.getCerts()) {
			if (cert.tokenName === builtin) continue;
			const sha256 = cert.sha256Fingerprint.replaceAll(":", "");
			const user = cert.certType & Ci.nsIX509Cert.USER_CERT ? "user" : "";
			lines.push(`${sha256} ${cert.tokenName} ${user}`);
		}
		return lines.join("\n");
	},

	// Each visit has an address of its own, by which its end is recognised.
	visit(url) {
		remembered.clearRememberedDecisions();
		person.url = `${url}?${++person.visits}`;
		gBrowser.selectedBrowser.fixupAndLoadURIString(person.url, { triggeringPrincipal: system });
		return "";
	},

	// "": not yet there.
	getPage() {
		const browser = gBrowser.selectedBrowser;
		const shown = browser.documentURI?.spec;
		if (browser.webProgress.isLoadingDocument || !shown) return "";
		if (shown === person.url) return "loaded";
		// What is shown in its place names it, in another form.
		return shown.startsWith("about:") && decodeURIComponent(shown).includes(person.url) ? "failed" : "";
	},

	// Puts certificates (base64, one a line) in again and again, and every second one out at once, until
	// endWork(), which says how much that was.
	startWork(lines) {
		person.work = { written: 0, worst: 0, failures: [], ended: false };
		void workOn(person.work, lines.split("\n"));
		return "";
	},

	endWork() {
		person.work.ended = true;
		return `${person.work.written} changes (worst ${Math.round(person.work.worst)} ms)`;
	},

	getFailures: () => person.work.failures.join("\n"),
	// Its first window is complete and shows what it starts with.
	isReady() {
		const busy = gBrowser.selectedBrowser.webProgress?.isLoadingDocument ?? true;
		return gBrowserInit.delayedStartupFinished && !busy ? "yes" : "";
	},

	getPrompts: () => `${person.prompts}`,
};

// What he is asked, of which only a PIN is expected.
Services.obs.addObserver((dialog) => {
	person.prompts++;
	dialog.setTimeout(() => {
		dialog.Dialog.ui.password1Textbox.value = person.pin;
		dialog.Dialog.ui.button0.click();
	}, 0);
}, "common-dialog-loaded");

window.certpropPerson = person;
return "";
