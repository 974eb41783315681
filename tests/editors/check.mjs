// What editors make of `pawl schema`: ajv validates rule files with it, and yaml-language-server
// completes, explains and checks them.
//
//   node check.mjs LIBRARIES PAWL
//
// LIBRARIES is a folder with node_modules, PAWL the program. Ends with 1 when anything is not as it
// should be; its last line counts.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [libraries, pawl] = process.argv.slice(2).map((path) => resolve(path));
const root = resolve(import.meta.dirname, '../..');
const load = createRequire(join(libraries, 'package.json'));
const Ajv = load('ajv'), YAML = load('yaml');
let passed = 0, failed = 0;

function judge(good, what) {
	good ? passed++ : failed++;
	if (!good)
		console.log(`[  FAILED  ] ${what}`);
}

// ---- the schema, of a configuration that knows the hooks of the example rules ----

const work = join(libraries, 'work');
mkdirSync(work, { recursive: true });
writeFileSync(join(work, 'pawl.yaml'), `
actions: [${root}/actions]
rules: [${root}/rules]
hooks: {crm: {verify: none}, crm/contacts: {verify: none}, shop/orders: {verify: none}}
connections: {shop: {connector: constant_contact, auth: {bearer: x}}}
`);
const text = execFileSync(pawl, ['schema', '-c', 'pawl.yaml'], { cwd: work, maxBuffer: 1 << 26 });
writeFileSync(join(work, 'pawl.schema.json'), text);
const ajv = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true });
const validate = ajv.compile(JSON.parse(text));

function is_valid(text) {
	return YAML.parseAllDocuments(text, { merge: true, version: '1.2' })
		.filter((d) => d.contents !== null)
		.every((d) => !d.errors.length && validate(d.toJS()));
}

function yaml_files(folder) {
	return readdirSync(join(root, folder), { recursive: true })
		.filter((name) => /\.ya?ml$/.test(name)).map((name) => join(root, folder, name));
}

// ---- ajv ----

function judge_rules(name, text) {
	if (/^rule:/m.test(text) && /^do:/m.test(text))
		judge(is_valid(text), `${name} is not valid: ${ajv.errorsText(validate.errors)}`);
}

for (const path of ['rules', 'docs'].flatMap(yaml_files))
	judge_rules(path, readFileSync(path, 'utf8'));
for (const page of ['README.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)])
	if (page.endsWith('.md'))
		for (const [, block] of readFileSync(join(root, page), 'utf8').matchAll(/\n```yaml\n(.*?)```/gs))
			judge_rules(page, block);

// Mistakes that no schema can see: they are in expressions, in names, or between words.
const BEYOND = readFileSync(join(root, 'tests/editors/beyond.txt'), 'utf8').split('\n')
	.filter((line) => line && !line.startsWith('#'));
for (const path of yaml_files('tests/broken')) {
	const name = path.split('/').pop();
	const beyond = BEYOND.includes(name);
	judge(is_valid(readFileSync(path, 'utf8')) === beyond, beyond ? `${name} is found by the schema by now`
		: `${name} is valid by the schema`);
}

// ---- yaml-language-server ----

class Server {
	constructor() {
		this.child = spawn(process.execPath,
			[join(libraries, 'node_modules/yaml-language-server/bin/yaml-language-server'),
				'--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
		this.child.stdout.on('data', (data) => this.read(data));
		this.data = Buffer.alloc(0);
		this.waiting = new Map();
		this.diagnostics = new Map();
		this.id = 0;
	}

	write(message) {
		const body = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
		this.child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
		this.child.stdin.write(body);
	}

	read(data) {
		this.data = Buffer.concat([this.data, data]);
		for (;;) {
			const head = this.data.indexOf('\r\n\r\n');
			const size = /Content-Length: (\d+)/i.exec(this.data.subarray(0, Math.max(head, 0)));
			if (!size || this.data.length < head + 4 + Number(size[1]))
				return;
			const end = head + 4 + Number(size[1]);
			const message = JSON.parse(this.data.subarray(head + 4, end));
			this.data = this.data.subarray(end);
			this.take(message);
		}
	}

	take(message) {
		if (message.method === 'textDocument/publishDiagnostics') {
			const heard = this.diagnostics.get(message.params.uri);
			if (heard)
				heard(message.params.diagnostics);
		} else if (message.method === 'workspace/configuration') {
			this.write({ id: message.id, result: message.params.items.map(({ section }) =>
				section === 'yaml' ? SETTINGS.yaml : {}) });
		} else if (message.method && message.id !== undefined) {
			this.write({ id: message.id, result: null });
		} else if (this.waiting.has(message.id)) {
			this.waiting.get(message.id)(message);
			this.waiting.delete(message.id);
		}
	}

	ask(method, params) {
		const id = ++this.id;
		this.write({ id, method, params });
		return new Promise((done, fail) => {
			this.waiting.set(id, ({ result, error }) =>
				error ? fail(new Error(`${method}: ${error.message}`)) : done(result));
		});
	}

	tell(method, params) {
		this.write({ method, params });
	}
}

const SETTINGS = { yaml: { schemaStore: { enable: false }, completion: true, hover: true,
	validate: true } };
const server = new Server();
await server.ask('initialize', { processId: process.pid, rootUri: pathToFileURL(work).href,
	capabilities: { workspace: { configuration: true },
		textDocument: { completion: { completionItem: { documentationFormat: ['markdown'] } },
			hover: { contentFormat: ['markdown'] } } } });
server.tell('initialized', {});
server.tell('workspace/didChangeConfiguration', { settings: SETTINGS });

// A text with ‸ where the cursor is.
let opened = 0;
function open(text, on_diagnostics) {
	const full = `# yaml-language-server: $schema=${join(work, 'pawl.schema.json')}\n${text}`;
	const uri = pathToFileURL(join(work, `rule${++opened}.yaml`)).href;
	const before = full.split('‸')[0].split('\n');
	if (on_diagnostics)
		server.diagnostics.set(uri, on_diagnostics);
	server.tell('textDocument/didOpen', { textDocument: { uri, languageId: 'yaml', version: 1,
		text: full.replace('‸', '') } });
	return { textDocument: { uri },
		position: { line: before.length - 1, character: before.at(-1).length } };
}

async function completes(what, text, labels, not = []) {
	const answer = await server.ask('textDocument/completion', open(text));
	const items = Array.isArray(answer) ? answer : answer?.items ?? [];
	const found = new Map(items.map((i) => [i.label.trim(), i]));
	for (const label of labels)
		judge(found.has(label), `${what}: ${label} is not among ${[...found.keys()].slice(0, 40)}`);
	for (const label of labels)
		judge(found.get(label)?.documentation, `${what}: ${label} is not explained`);
	for (const label of not)
		judge(!found.has(label), `${what}: ${label} is offered`);
}

async function explains(what, text, words) {
	const answer = await server.ask('textDocument/hover', open(text));
	const said = JSON.stringify(answer?.contents ?? null);
	for (const word of words)
		judge(said.includes(word), `${what}: '${word}' is not in ${said.slice(0, 300)}`);
}

function problems(text) {
	return new Promise((done) => open(text, done));
}

async function finds(what, text, line, word) {
	const list = await problems(text);
	judge(list.some((d) => d.range.start.line === line && d.message.includes(word)),
		`${what}: no '${word}' in line ${line}: ${JSON.stringify(list)}`);
}

const HEAD = 'api: pawl/1\nrule: r\n';
const CALL = `${HEAD}do:\n  - call: constant_contact.create_contact_tag\n`;
const kinds = Object.keys(JSON.parse(text).definitions).filter((k) => k.startsWith('step_'));
await completes('words of a rule', `${HEAD}‸`, ['when', 'if', 'do', 'vars', 'limit', 'catch']);
await completes('words of a trigger', `${HEAD}when:\n  - ‸`,
	['webhook', 'conversation', 'event', 'schedule', 'every', 'run']);
await completes('step words', `${HEAD}do:\n  - ‸`, kinds.map((k) => k.slice(5)));
await completes('what stands beside call', `${CALL}    ‸`,
	['with', 'as', 'if', 'retry', 'timeout', 'pages', 'cache'], ['wait', 'log', 'do']);
await completes('what stands inside wait', `${HEAD}do:\n  - wait:\n      ‸`,
	['activity', 'event', 'until', 'timeout', 'else', 'where']);
await completes('actions', `${HEAD}do:\n  - call: ‸`, ['constant_contact.create_contact_tag',
	'constant_contact.list_contacts', 'shop.list_contacts', 'expert.ask']);
await completes('actions in a loop', `${HEAD}do:\n  - each:\n      call: ‸`,
	['constant_contact.list_contacts']);
await completes('parameters', `${CALL}    with:\n      ‸`, ['name', 'tag_source']);
await completes('parameters of a nested step', `${HEAD}do:\n  - if: data.x\n    do:\n      - call: ` +
	'constant_contact.create_contact\n        with:\n          ‸', ['email_address', 'create_source']);
await completes('fields of a parameter', `${HEAD}do:\n  - call: constant_contact.create_contact\n` +
	'    with:\n      email_address:\n        ‸', ['address', 'permission_to_send']);
await completes('paths of a conversation', `${HEAD}when:\n  conversation: lead.captured\n  where:\n    ‸`,
	['contact.email', 'conversation.status']);
await explains('a word of a rule', `${HEAD}li‸mit: {max: 1}\ndo: [{log: x}]\n`, ['How many runs']);
await explains('a step word', `${HEAD}do:\n  - wa‸it: 10m\n`, ['without costing memory']);
await explains('a word beside a step', `${CALL}    wi‸th: {name: x}\n`, ['parameters']);
await explains('an action', `${HEAD}do:\n  - call: constant_contact.create_cont‸act_tag\n`, ['tag']);
await explains('a parameter', `${CALL}    with:\n      na‸me: x\n`, ['string', '255']);
await finds('a step word', `${HEAD}do:\n  - cal: x\n`, 4, 'call');
await finds('an action', `${HEAD}do:\n  - call: constant_contact.create_contact_tog\n`, 4, 'Value');
await finds('a parameter', `${CALL}    with: {name: x, nome: y}\n`, 5, 'nome');
await finds('a missing parameter', `${CALL}    with: {tag_source: Contact}\n`, 5, 'name');
await finds('a type', `${HEAD}do:\n  - call: constant_contact.list_contacts\n    with: {limit: many}\n`,
	5, 'integer');
for (const path of yaml_files('rules')) {
	const list = await problems(readFileSync(path, 'utf8'));
	judge(!list.length, `${path}: ${JSON.stringify(list)}`);
}

server.child.kill();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
