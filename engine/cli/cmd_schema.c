/* pawl schema: what editors need to complete, explain and check rule files while they are written. */
#include "engine/base/json.h"
#include "engine/cli/action_schema.h"
#include "engine/cli/cli.h"
#include "engine/cli/lua_stubs.h"
#include "engine/cli/print.h"
#include "engine/cli/setup.h"
#include "engine/serve/rulekit.h"

/* What may stand in front of an action's name: connectors by their own, connections by theirs. */
static json_t *call_names(const struct rulekit *k)
{
	json_t *names = json_object();
	const struct connector *connector;
	const struct connection *c;
	for (size_t i = 0; (connector = catalogue_next_connector(k->catalogue, &i));)
		json_object_set_new(names, connector->name, json_string(connector->name));
	for (size_t i = 0; (c = connections_next(k->connections, &i));)
		if (c->connector)
			json_object_set_new(names, c->name, json_string(c->connector));
	return names;
}

static int print_schema(const struct rulekit *k)
{
	json_auto_t *names = call_names(k), *schema = rule_schema(&k->env);
	json_t *definitions = json_object_get(schema, "definitions");
	action_schema_add(json_object_get(definitions, "step_call"), definitions, k->catalogue,
			  names);
	return print_json(schema);
}

static int print_stubs(const struct rulekit *k)
{
	json_auto_t *names = call_names(k);
	struct buf b = BUF_INIT;
	lua_stubs(&b, k->catalogue, names);
	return print_out(&b);
}

static int run(struct cli *c)
{
	struct config *config = setup_config(c, NULL);
	if (!config)
		return CLI_USAGE;
	struct errmsg msg;
	struct rulekit *k = rulekit_new(config, &clock_real, &rng_real, &msg);
	int code = !k                  ? cli_no(c, "%s", msg.text)
		   : cli_has(c, "lua") ? print_stubs(k)
				       : print_schema(k);
	rulekit_free(k);
	config_free(config);
	return code;
}

static const struct cli_option options[] = {
	{"lua", 0, false, NULL, "stubs of the library and the actions for lua-language-server"},
	{0},
};

const struct command command_schema = {
	.name = "schema",
	.summary = "prints the JSON Schema of rule files, for editors",
	.usage = "",
	.about =
		"With it yaml-language-server, which most editors have, completes, explains and checks "
		"every step, every action and its parameters. It knows the actions, connections and "
		"hooks of the configuration. `pawl schema > pawl.schema.json`, and a rule file begins "
		"with\n    # yaml-language-server: $schema=../pawl.schema.json",
	.options = options,
	.run = run,
};
