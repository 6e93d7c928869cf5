// Sequences of npm dynamics-web-api, run unchanged against one organization.
// Environment: ORIGIN, TENANT, CLIENT_ID, CLIENT_SECRET.

import readline from "node:readline";
import { DynamicsWebApi } from "dynamics-web-api";

const { ORIGIN, TENANT, CLIENT_ID, CLIENT_SECRET } = process.env;
const NOWHERE = "00000000-0000-0000-0000-0000000000aa";
let held = null;

async function token() {
    if (held === null) {
        const form = { grant_type: "client_credentials", client_id: CLIENT_ID, client_secret: CLIENT_SECRET, scope: `${ORIGIN}/.default` };
        const answer = await fetch(`${ORIGIN}/${TENANT}/oauth2/v2.0/token`, { method: "POST", body: new URLSearchParams(form) });
        held = (await answer.json()).access_token;
    }
    return held;
}

const configured = (more = {}) =>
    new DynamicsWebApi({ serverUrl: ORIGIN, dataApi: { version: "9.2" }, onTokenRefresh: token, ...more });
const api = configured();

// What the client throws, as the test may see it.
async function failure(call) {
    try {
        return { result: await call() };
    } catch (thrown) {
        const error = Array.isArray(thrown) ? thrown.find((one) => one.status >= 400) : thrown;
        return { status: error.status, code: error.code ?? error.error?.code, message: error.message || error.error?.message, headers: error.headers ?? {} };
    }
}

const contacts = (more) => ({ collection: "contacts", ...more });

const sequences = {
    async crud() {
        const id = await api.create(contacts({ data: { firstname: "Ann", lastname: "Berg" } }));
        const row = await api.create(contacts({ data: { lastname: "Shown" }, returnRepresentation: true, select: ["lastname"] }));
        const read = await api.retrieve(contacts({ key: id, select: ["fullname", "createdon"] }));
        const updated = await api.update(contacts({ key: id, data: { jobtitle: "Buyer" } }));
        const shown = await api.update(contacts({ key: id, data: { jobtitle: "Seller" }, returnRepresentation: true, select: ["jobtitle"] }));
        const deleted = await api.deleteRecord(contacts({ key: id }));
        const gone = await failure(() => api.retrieve(contacts({ key: id })));
        return { id, row, fullname: read.fullname, createdOn: read.createdon instanceof Date, updated, shown, deleted, gone };
    },

    async query({ marker }) {
        const found = await api.retrieveMultiple(
            contacts({
                select: ["firstname", "lastname"],
                filter: `department eq '${marker}' and (startswith(lastname,'B') or contains(lastname,'ah'))`,
                orderBy: ["lastname desc", "firstname"],
                top: 2,
                count: true,
            }),
        );
        return { rows: found.value.map((row) => [row.firstname, row.lastname]), count: found.oDataCount, context: found.oDataContext };
    },

    async longQuery({ marker }) {
        const names = Array.from({ length: 120 }, (_, number) => `lastname eq 'Nobody Number ${number}'`).join(" or ");
        const found = await api.retrieveMultiple(contacts({ select: ["firstname"], filter: `department eq '${marker}' or ${names}` }));
        return found.value.length;
    },

    async expand({ account }) {
        const row = await api.retrieve({
            collection: "accounts",
            key: account,
            select: ["name"],
            expand: [{ property: "contact_customer_accounts", select: ["lastname"], orderBy: ["lastname"], top: 1 }, { property: "createdby", select: ["fullname"] }],
        });
        const below = await api.retrieve(contacts({ collection: "accounts", key: account, navigationProperty: "contact_customer_accounts", select: ["lastname"] }));
        return { name: row.name, people: row.contact_customer_accounts.map((one) => one.lastname), by: row.createdby.fullname, below: below.value.length };
    },

    async pages({ size }) {
        const all = await api.retrieveAll(contacts({ select: ["fullname"], orderBy: ["lastname"], maxPageSize: size }));
        const first = await api.retrieveMultiple(contacts({ select: ["fullname"], maxPageSize: size }));
        const second = await api.retrieveMultiple(contacts({ select: ["fullname"], maxPageSize: size }), first.oDataNextLink);
        const distinct = new Set(all.value.map((row) => row.contactid)).size;
        return { distinct, second: second.value.length, overlap: second.value.some((row) => first.value.some((one) => one.contactid === row.contactid)) };
    },

    async counts({ marker }) {
        return [
            await api.count({ collection: "contacts" }),
            await api.count(contacts({ filter: `department eq '${marker}'` })),
            await api.countAll(contacts({ filter: `department eq '${marker}'`, select: ["lastname"] })),
        ];
    },

    async formatted({ contact }) {
        const row = await api.retrieve(contacts({ key: contact, includeAnnotations: "*", select: ["gendercode", "creditlimit", "_parentcustomerid_value"] }));
        return [row.gendercode_Formatted, row.creditlimit_Formatted, row._parentcustomerid_value_Formatted, row._parentcustomerid_value_LogicalName, row._parentcustomerid_value_NavigationProperty];
    },

    async upsert({ id, key }) {
        const created = await api.upsert(contacts({ key: id, data: { lastname: "Made" } }));
        const updated = await api.upsert(contacts({ key: id, data: { lastname: "Changed" } }));
        const kept = await api.upsert(contacts({ key: id, data: { lastname: "Kept" }, ifnonematch: "*" }));
        const refused = await api.upsert(contacts({ key: NOWHERE, data: { lastname: "Never" }, ifmatch: "*" }));
        const records = { collection: "osync_syncrecords", key: `osync_operationid='${key}'` };
        const first = await api.upsert({ ...records, data: { osync_name: "First" }, returnRepresentation: true });
        await api.upsert({ ...records, data: { osync_name: "Second" } });
        const read = await api.retrieve({ ...records, select: ["osync_name"] });
        const now = await api.retrieve(contacts({ key: id, select: ["lastname"] }));
        return { created, updated, kept, refused, name: now.lastname, key: first.osync_operationid, read: read.osync_name };
    },

    async concurrency({ contact }) {
        const row = await api.retrieve(contacts({ key: contact, select: ["lastname"] }));
        const tag = row["@odata.etag"];
        const unchanged = await api.retrieve(contacts({ key: contact, select: ["lastname"], ifnonematch: tag }));
        const first = await api.update(contacts({ key: contact, data: { lastname: "One" }, ifmatch: tag }));
        const second = await api.update(contacts({ key: contact, data: { lastname: "Two" }, ifmatch: tag }));
        const strict = configured({ propagateErrors: true });
        const error = await failure(() => strict.update(contacts({ key: contact, data: { lastname: "Two" }, ifmatch: tag })));
        const deleted = await api.deleteRecord(contacts({ key: contact, ifmatch: tag }));
        const now = await api.retrieve(contacts({ key: contact, select: ["lastname"] }));
        return { unchanged: unchanged ?? null, first, second, error, deleted, name: now.lastname };
    },

    async bulk() {
        const type = "Microsoft.Dynamics.CRM.contact";
        const call = (actionName, Targets) => api.callAction(contacts({ actionName: `Microsoft.Dynamics.CRM.${actionName}`, action: { Targets } }));
        const { Ids } = await call("CreateMultiple", [1, 2, 3].map((number) => ({ "@odata.type": type, lastname: `Bulk ${number}` })));
        const done = await call("UpdateMultiple", Ids.map((contactid) => ({ "@odata.type": type, contactid, jobtitle: "Several" })));
        await call("UpsertMultiple", [{ "@odata.type": type, "@odata.id": `contacts(${Ids[0]})`, department: "Old" }, { "@odata.type": type, contactid: NOWHERE, lastname: "New" }]);
        const all = await failure(() => call("CreateMultiple", [{ "@odata.type": type, lastname: "Never" }, { "@odata.type": type, lastname: "x".repeat(51) }]));
        const rows = await api.retrieveMultiple(contacts({ select: ["lastname", "jobtitle", "department"], filter: "startswith(lastname,'Bulk') or lastname eq 'New'", orderBy: ["lastname"] }));
        return { ids: Ids.length, done: done ?? null, all, rows: rows.value.map((row) => [row.lastname, row.jobtitle, row.department]) };
    },

    async batch({ marker }) {
        api.startBatch();
        api.create({ collection: "accounts", data: { name: `${marker} Ltd` }, contentId: "1" });
        api.create(contacts({ data: { lastname: marker, "parentcustomerid_account@odata.bind": "$1" }, contentId: "2" }));
        api.update({ contentId: "$2", data: { jobtitle: "Made at once" } });
        api.retrieveMultiple(contacts({ select: ["jobtitle", "_parentcustomerid_value"], filter: `lastname eq '${marker}'` }));
        api.count({ collection: "contacts" });
        return api.executeBatch();
    },

    async rollback({ marker }) {
        api.startBatch();
        api.create(contacts({ data: { lastname: marker } }));
        api.create(contacts({ data: { lastname: "x".repeat(51) } }));
        const error = await failure(() => api.executeBatch());
        const left = await api.count(contacts({ filter: `lastname eq '${marker}'` }));
        api.startBatch();
        api.deleteRecord(contacts({ key: NOWHERE, inChangeSet: false }));
        api.retrieve(contacts({ key: NOWHERE }));
        api.retrieveMultiple(contacts({ select: ["lastname"] }));
        const going = await failure(() => api.executeBatch({ continueOnError: true }));
        return { error, left, going };
    },

    async fetchXml({ size }) {
        const xml = `<fetch count="${size}"><entity name="contact"><attribute name="fullname"/><order attribute="lastname" descending="true"/></entity></fetch>`;
        const all = await api.fetchAll(contacts({ fetchXml: xml, includeAnnotations: "*" }));
        const first = await api.fetch(contacts({ fetchXml: xml, includeAnnotations: "*" }));
        const own = await api.fetch(contacts({ fetchXml: '<fetch top="1"><entity name="contact"><attribute name="createdby"/><filter><condition attribute="createdby" operator="eq-userid"/></filter></entity></fetch>' }));
        const refused = await failure(() => api.fetch(contacts({ fetchXml: "<fetch><entity name='account'/></fetch>" })));
        return { distinct: new Set(all.value.map((row) => row.contactid)).size, page: first.value.length, next: first.PagingInfo.nextPage, own: own.value.length, refused };
    },

    async longFetchXml() {
        const values = Array.from({ length: 60 }, (_, number) => `<value>Nobody Number ${number}</value>`).join("");
        const xml = `<fetch><entity name="contact"><attribute name="fullname"/><filter><condition attribute="lastname" operator="not-in">${values}</condition></filter></entity></fetch>`;
        return (await api.fetch(contacts({ fetchXml: xml }))).value.length;
    },

    async predefined({ view, filter }) {
        const shown = await api.retrieveMultiple(contacts({ savedQuery: view }));
        const selected = await api.retrieveMultiple(contacts({ userQuery: filter, includeAnnotations: "*" }));
        return [shown.value.length, selected.value.length];
    },

    async aggregate({ marker }) {
        const found = await api.retrieveMultiple(contacts({ apply: `filter(department eq '${marker}')/groupby((lastname),aggregate($count as n))` }));
        return found.value.map((row) => [row.lastname, row.n]).sort();
    },

    async filters({ user }) {
        const own = { collection: "userqueries", select: ["name", "statecode", "returnedtypecode"] };
        const asked = await api.retrieveMultiple({ ...own, filter: `querytype eq 256 and _ownerid_value eq ${user}` });
        const asUser = await api.retrieveMultiple({ ...own, filter: "querytype eq 256", impersonate: user });
        const [first] = asked.value;
        const key = { collection: "userqueries", key: first.userqueryid };
        await api.update({ ...key, data: { statecode: 1, statuscode: 2 }, ifmatch: first["@odata.etag"] });
        const now = await api.retrieve({ ...key, select: ["statecode", "_modifiedby_value"] });
        return { asked: asked.value.length, asUser: asUser.value.length, before: first.statecode, after: now.statecode, by: now._modifiedby_value };
    },

    async track({ contact }) {
        const full = await api.retrieveMultiple(contacts({ select: ["lastname"], trackChanges: true }));
        await api.update(contacts({ key: contact, data: { lastname: "Moved" } }));
        const made = await api.create(contacts({ data: { lastname: "Fresh" } }));
        const brief = await api.create(contacts({ data: { lastname: "Brief" } }));
        await api.deleteRecord(contacts({ key: brief }));
        const delta = await api.retrieveMultiple(contacts({}), full.oDataDeltaLink);
        const calm = await api.retrieveMultiple(contacts({}), delta.oDataDeltaLink);
        const pages = await api.retrieveAll(contacts({ select: ["lastname"], trackChanges: true, maxPageSize: 2 }));
        const refused = await failure(() => api.retrieveMultiple(contacts({ filter: "statecode eq 0", trackChanges: true })));
        return { full: full.value.length, delta: delta.value, made, brief, calm: calm.value.length, pages: [pages.value.length, Boolean(pages.oDataDeltaLink)], refused };
    },

    async impersonate({ user, objectId }) {
        const columns = ["_createdby_value", "_createdonbehalfby_value"];
        const shown = (more) => api.create(contacts({ data: { lastname: "On behalf" }, returnRepresentation: true, select: columns, ...more }));
        const made = [await shown({ impersonate: user }), await shown({ impersonateAAD: objectId }), await shown({})];
        const whole = await configured({ impersonate: user }).callFunction("WhoAmI");
        const unknown = await shown({ impersonate: NOWHERE });
        const unknownObject = await failure(() => shown({ impersonateAAD: NOWHERE }));
        const pick = (row) => [row._createdby_value, row._createdonbehalfby_value];
        return { made: made.map(pick), whole: whole.UserId, unknown: pick(unknown), unknownObject };
    },

    async references({ contact, account, team, user }) {
        const primary = contacts({ primaryKey: contact });
        await api.associateSingleValued({ ...primary, navigationProperty: "parentcustomerid_account", relatedKey: account, relatedCollection: "accounts" });
        const linked = await api.retrieve(contacts({ key: contact, select: ["parentcustomerid_account/$ref"] }));
        await api.disassociateSingleValued({ ...primary, navigationProperty: "parentcustomerid_account" });
        const cut = await api.retrieve(contacts({ key: contact, select: ["_parentcustomerid_value"] }));
        const accounts = { collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts", relatedKey: contact };
        await api.associate({ ...accounts, relatedCollection: "contacts" });
        const back = await api.retrieve(contacts({ key: contact, select: ["_parentcustomerid_value"] }));
        await api.disassociate(accounts);
        const members = { collection: "teams", primaryKey: team, relationshipName: "teammembership_association", relatedKey: user };
        await api.associate({ ...members, relatedCollection: "systemusers" });
        const inside = await api.retrieve({ collection: "teams", key: team, select: ["name"], expand: [{ property: "teammembership_association", select: ["fullname"] }] });
        await api.disassociate(members);
        const outside = await api.retrieve({ collection: "teams", key: team, select: ["name"], expand: [{ property: "teammembership_association", select: ["fullname"] }] });
        const after = await api.retrieve(contacts({ key: contact, select: ["_parentcustomerid_value"] }));
        return {
            linked: [linked.id, linked.collection],
            cut: cut._parentcustomerid_value,
            back: back._parentcustomerid_value,
            after: after._parentcustomerid_value,
            inside: inside.teammembership_association.some((one) => one.systemuserid === user),
            outside: outside.teammembership_association.some((one) => one.systemuserid === user),
        };
    },

    async property({ contact }) {
        await api.updateSingleProperty(contacts({ key: contact, fieldValuePair: { jobtitle: "Alone" } }));
        const set = await api.retrieve(contacts({ key: contact, select: ["/jobtitle"] }));
        await api.deleteRecord(contacts({ key: contact, property: "jobtitle" }));
        const row = await api.retrieve(contacts({ key: contact, select: ["jobtitle"] }));
        return [set.value, row.jobtitle];
    },

    async functions() {
        const who = await api.callFunction("WhoAmI");
        const rows = await api.callFunction({ name: "RetrieveTotalRecordCount", parameters: { EntityNames: ["contact"] } });
        return { who: who.UserId, rows };
    },

    async metadata() {
        const table = await api.retrieveEntity({ key: "LogicalName='contact'", select: ["EntitySetName", "PrimaryNameAttribute", "ObjectTypeCode"] });
        const byName = configured({ useEntityNames: true });
        const named = await byName.retrieveMultiple({ collection: "contact", select: ["lastname"], top: 1 });
        const columns = await api.retrieveAttributes({ entityKey: "LogicalName='contact'", select: ["LogicalName"], filter: "AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'Memo'" });
        const choices = await api.retrieveAttributes({
            entityKey: "LogicalName='contact'",
            castType: "Microsoft.Dynamics.CRM.PicklistAttributeMetadata",
            select: ["LogicalName"],
            expand: [{ property: "OptionSet", select: ["Options"] }],
        });
        const one = await api.retrieveAttribute({ entityKey: "LogicalName='contact'", attributeKey: "LogicalName='lastname'", castType: "Microsoft.Dynamics.CRM.StringAttributeMetadata", select: ["MaxLength"] });
        const gender = choices.value.find((column) => column.LogicalName === "gendercode");
        return {
            table: [table.EntitySetName, table.PrimaryNameAttribute, table.ObjectTypeCode],
            named: named.value.length,
            memos: columns.value.map((column) => column.LogicalName),
            labels: gender.OptionSet.Options.map((option) => option.Label.UserLocalizedLabel.Label),
            length: one.MaxLength,
        };
    },

    async table({ name }) {
        const label = (text) => ({ "@odata.type": "Microsoft.Dynamics.CRM.Label", LocalizedLabels: [{ "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", Label: text, LanguageCode: 1033 }] });
        const text = (schema, primary) => ({
            "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata",
            AttributeType: "String",
            AttributeTypeName: { Value: "StringType" },
            SchemaName: schema,
            DisplayName: label(schema),
            FormatName: { Value: "Text" },
            MaxLength: 100,
            IsPrimaryName: primary,
            RequiredLevel: { Value: "None", CanBeChanged: true, ManagedPropertyLogicalName: "canmodifyrequirementlevelsettings" },
        });
        const id = await api.createEntity({
            data: {
                "@odata.type": "Microsoft.Dynamics.CRM.EntityMetadata",
                SchemaName: name,
                DisplayName: label("Thing"),
                DisplayCollectionName: label("Things"),
                Description: label("A thing"),
                OwnershipType: "UserOwned",
                HasActivities: false,
                HasNotes: false,
                IsActivity: false,
                Attributes: [text("new_Name", true)],
            },
        });
        const column = await api.createAttribute({ entityKey: id, data: text("new_Code", false) });
        const definition = await api.retrieveEntity({ key: id });
        definition.DisplayName = label("Renamed");
        await api.updateEntity({ data: definition, mergeLabels: true });
        const renamed = await api.retrieveEntity({ key: id, select: ["DisplayName", "EntitySetName"] });
        const set = renamed.EntitySetName;
        const row = await api.create({ collection: set, data: { new_name: "First", new_code: "A1" }, returnRepresentation: true });
        await api.deleteRecord({ collection: "EntityDefinitions", key: id, navigationProperty: "Attributes", navigationPropertyKey: column });
        const left = await api.retrieveMultiple({ collection: set });
        await api.deleteRecord({ collection: "EntityDefinitions", key: id });
        const after = await failure(() => api.retrieveEntity({ key: `LogicalName='${name.toLowerCase()}'` }));
        return { set, label: renamed.DisplayName.UserLocalizedLabel.Label, row: [row.new_name, row.new_code], left: Object.keys(left.value[0]).includes("new_code"), after: after.status };
    },

    async relationships({ name }) {
        const label = { LocalizedLabels: [{ Label: "Sponsor", LanguageCode: 1033 }] };
        const data = { "@odata.type": "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", SchemaName: name, ReferencedEntity: "account", ReferencingEntity: "contact" };
        const id = await api.createRelationship({ data: { ...data, Lookup: { "@odata.type": "Microsoft.Dynamics.CRM.LookupAttributeMetadata", AttributeType: "Lookup", SchemaName: "new_Sponsor", DisplayName: label } } });
        const castType = "Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata";
        const whole = await api.retrieveRelationship({ key: id, castType });
        whole.CascadeConfiguration.Delete = "Cascade";
        await api.updateRelationship({ data: whole, castType, mergeLabels: true });
        const [listed] = (await api.retrieveRelationships({ castType, select: ["SchemaName", "CascadeConfiguration"], filter: `ReferencingAttribute eq 'new_sponsor'` })).value;
        const base = await api.retrieveRelationships({ select: ["SchemaName", "RelationshipType"], filter: `SchemaName eq '${name}'` });
        await api.deleteRelationship({ key: id });
        const after = await failure(() => api.retrieveRelationship({ key: `SchemaName='${name}'` }));
        return { made: whole.SchemaName, cascade: [listed.SchemaName, listed.CascadeConfiguration.Delete], base: base.value.map((one) => one.RelationshipType), after: after.status };
    },

    async globalChoices({ name }) {
        const label = (text) => ({ "@odata.type": "Microsoft.Dynamics.CRM.Label", LocalizedLabels: [{ "@odata.type": "Microsoft.Dynamics.CRM.LocalizedLabel", Label: text, LanguageCode: 1033 }] });
        const castType = "Microsoft.Dynamics.CRM.OptionSetMetadata";
        const Options = ["Red", "Green"].map((text, index) => ({ Value: index + 1, Label: label(text) }));
        const id = await api.createGlobalOptionSet({ data: { "@odata.type": castType, Name: name, DisplayName: label("Colors"), OptionSetType: "Picklist", Options } });
        await api.callAction({ actionName: "InsertOptionValue", action: { OptionSetName: name, Value: 3, Label: label("Blue") } });
        const whole = await api.retrieveGlobalOptionSet({ key: id, castType });
        whole.DisplayName = label("Colors");
        await api.updateGlobalOptionSet({ data: whole, castType, mergeLabels: true });
        const one = await api.retrieveGlobalOptionSet({ key: `Name='${name}'`, castType, select: ["Options", "DisplayName"] });
        const all = await api.retrieveGlobalOptionSets({ castType, select: ["Name", "Options"] });
        await api.deleteGlobalOptionSet({ key: id });
        const after = await failure(() => api.retrieveGlobalOptionSet({ key: id }));
        return { options: one.Options.map((option) => option.Label.UserLocalizedLabel.Label), label: one.DisplayName.UserLocalizedLabel.Label, all: all.value.map((each) => each.Name), after: after.status };
    },

    async definitions({ name }) {
        const tables = await api.retrieveEntities({ select: ["LogicalName"], filter: "IsCustomizable/Value eq true and IsActivity eq true", expand: [{ property: "Attributes", select: ["LogicalName"], filter: "AttributeType eq Microsoft.Dynamics.CRM.AttributeTypeCode'State'" }] });
        const sorted = await failure(() => api.retrieveMultiple({ collection: "EntityDefinitions", select: ["LogicalName"], orderBy: ["LogicalName"] }));
        const text = { "@odata.type": "Microsoft.Dynamics.CRM.StringAttributeMetadata", SchemaName: name, MaxLength: 20 };
        const entityKey = "LogicalName='account'";
        const id = await api.createAttribute({ entityKey, data: text });
        const castType = "Microsoft.Dynamics.CRM.StringAttributeMetadata";
        const whole = await api.retrieveAttribute({ entityKey, attributeKey: id, castType });
        await api.updateAttribute({ entityKey, data: { ...whole, MaxLength: 30 }, castType, mergeLabels: true });
        const now = await api.retrieveAttribute({ entityKey, attributeKey: id, castType, select: ["MaxLength"] });
        const document = await api.retrieveCsdlMetadata({ addAnnotations: true });
        return { tables: tables.value.map((one) => [one.LogicalName, one.Attributes.length]), sorted: sorted.message, length: now.MaxLength, document: document.includes(`<Property Name="${name.toLowerCase()}"`) && document.includes("Org.OData.Core.V1.Computed") };
    },

    async options({ contact }) {
        const plain = { lastname: "Options", emailaddress1: "options@x.example" };
        const bypassing = await api.create(contacts({ data: plain, bypassCustomPluginExecution: true, duplicateDetection: true, noCache: true, tag: "interop", returnRepresentation: true, includeAnnotations: "*", expand: [{ property: "ownerid", select: ["systemuserid"] }] }));
        const twice = await failure(() => api.create(contacts({ data: plain, duplicateDetection: true })));
        const again = await api.create(contacts({ data: plain, headers: { "MSCRM.SuppressDuplicateDetection": "true" } }));
        const below = await api.create({ collection: "contacts", key: contact, navigationProperty: "contact_customer_contacts", data: { lastname: "Below" } });
        const up = await api.retrieve(contacts({ key: below, navigationProperty: "parentcustomerid_contact", select: ["fullname"] }));
        const first = await api.fetch(contacts({ fetchXml: '<fetch count="1"><entity name="contact"><attribute name="fullname"/></entity></fetch>', includeAnnotations: "*" }));
        const second = await api.fetch(contacts({ fetchXml: '<fetch count="1"><entity name="contact"><attribute name="fullname"/></entity></fetch>', includeAnnotations: "*", pageNumber: 2, pagingCookie: first.PagingInfo.cookie }));
        const narrow = await api.retrieveMultiple(contacts({ queryParams: ["$filter=lastname eq @p", "@p='Options'"], select: ["lastname"] }));
        await api.callAction({ collection: "teams", key: (await api.retrieveMultiple({ collection: "teams", select: ["name"], top: 1 })).value[0].teamid, actionName: "Microsoft.Dynamics.CRM.AddMembersTeam", action: { Members: [{ "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: bypassing.ownerid.systemuserid }] } });
        const held = await api.callFunction({ collection: "systemusers", key: bypassing.ownerid.systemuserid, name: "Microsoft.Dynamics.CRM.RetrieveUserPrivileges" });
        return { made: [bypassing.lastname, typeof bypassing._ownerid_value_Formatted], twice: [twice.status, twice.code], again: typeof again, up: up.contactid, pages: first.value[0].contactid !== second.value[0].contactid, narrow: narrow.value.length, held: held.RolePrivileges.length > 5 };
    },

    // What needs services that the sandbox does not stand in for says so, by name.
    async unknown({ contact }) {
        const calls = {
            search: () => api.search({ query: { search: "x" } }),
            suggest: () => api.suggest({ query: { search: "x" } }),
            autocomplete: () => api.autocomplete({ query: { search: "x" } }),
            upload: () => api.uploadFile(contacts({ key: contact, property: "entityimage", fileName: "x.png", data: Buffer.from("x") })),
            download: () => api.downloadFile(contacts({ key: contact, property: "entityimage" })),
            background: () => api.callAction({ actionName: "PublishAllXml", respondAsync: true }),
            status: () => api.getBackgroundOperationStatus(NOWHERE),
            cancel: () => api.cancelBackgroundOperation(NOWHERE),
        };
        const found = {};
        for (const [name, call] of Object.entries(calls)) found[name] = (await failure(call)).status ?? null;
        return found;
    },

    async errors() {
        const wrong = configured({ onTokenRefresh: async () => "nonsense" });
        return {
            missing: await failure(() => api.retrieve(contacts({ key: NOWHERE }))),
            update: await failure(() => api.update(contacts({ key: NOWHERE, data: { lastname: "x" } }))),
            column: await failure(() => api.create(contacts({ data: { nothing: 1 } }))),
            long: await failure(() => api.create(contacts({ data: { lastname: "x".repeat(51) } }))),
            filter: await failure(() => api.retrieveMultiple(contacts({ filter: "nothing eq 1" }))),
            token: await failure(() => wrong.retrieveMultiple(contacts({ top: 1 }))),
        };
    },

    async untilThrottled({ most }) {
        for (let passed = 0; passed < most; passed++) {
            const answer = await failure(() => api.callFunction("WhoAmI"));
            if (answer.status) return { passed, ...answer };
        }
        return null;
    },

    async refused() {
        return failure(() => api.retrieveMultiple(contacts({ top: 1 })));
    },
};

for await (const line of readline.createInterface({ input: process.stdin })) {
    const { sequence, given } = JSON.parse(line);
    let answer;
    try {
        answer = { result: (await sequences[sequence](given)) ?? null };
    } catch (error) {
        const { message, status, code, stack } = Array.isArray(error) ? error[0] : error;
        answer = { error: `${sequence}: ${status ?? ""} ${code ?? ""} ${message}\n${stack ?? ""}` };
    }
    process.stdout.write(JSON.stringify(answer) + "\n");
}
