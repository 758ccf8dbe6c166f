// Bitrix24's own library for JavaScript, unmodified, as a script of somebody's own uses it: its CommonJS build, which is
// found among the libraries of the front end. Told the address of a webhook; prints what it was answered, as JSON.

const { createRequire } = require("node:module");
const { join } = require("node:path");

const installed = createRequire(join(__dirname, "../../../../box/frontend/package.json"));
const { B24Hook } = installed("@bitrix24/b24jssdk");

const [address] = process.argv.slice(2);

async function main() {
  const hook = B24Hook.fromWebhookUrl(address);
  const v2 = hook.actions.v2;
  const data = async (answer) => {
    const given = await answer;
    if (!given.isSuccess) throw new Error(given.getErrorMessages().join("; "));
    return given.getData();
  };
  const me = (await data(v2.call.make({ method: "user.current" }))).result;
  const boris = (await data(v2.call.make({ method: "user.get", params: { filter: { NAME: "Boris" } } }))).result;
  const people = await data(v2.callList.make({ method: "user.get", params: {}, idKey: "ID" }));
  const departments = (await data(v2.call.make({ method: "department.get", params: { sort: "ID", order: "ASC", start: 50 } })))
    .result;
  const lead = (
    await data(v2.call.make({ method: "crm.lead.add", params: { fields: { TITLE: "Chairs" } } }))
  ).result;
  const leads = await data(
    v2.callList.make({ method: "crm.item.list", params: { entityTypeId: 1 }, idKey: "id", customKeyForResult: "items" }),
  );
  const batch = await data(
    v2.batch.make({
      calls: { me: { method: "user.current" }, first: { method: "department.get", params: { ID: departments[0].ID } } },
      options: { isHaltOnError: true },
    }),
  );
  const refused = await v2.call.make({ method: "disk.file.get", params: { id: 1 } }).catch((error) => error.code);
  process.stdout.write(
    JSON.stringify({ me, boris, people, departments, lead, leads, batch, refused }),
  );
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
