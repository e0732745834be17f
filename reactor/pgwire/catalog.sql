-- As much of PostgreSQL's system catalog as psql, SQLAlchemy and their like read before they show a table. The names are
-- PostgreSQL's; what they show is the lake's tables. A column that is always the same is there because a client names it.
create schema pg;

create type pg.regclass as varchar;
create type pg.regtype as varchar;
create type pg.regproc as varchar;
create type pg.regprocedure as varchar;
create type pg.regnamespace as varchar;

-- Types: their oids are PostgreSQL's own, which clients know by heart.
create table pg.type_list as from (values
    (16, 'bool', 'boolean', 'B', 1, 1000), (17, 'bytea', 'bytea', 'U', -1, 1001), (20, 'int8', 'bigint', 'N', 8, 1016), (21, 'int2', 'smallint', 'N', 2, 1005),
    (23, 'int4', 'integer', 'N', 4, 1007), (25, 'text', 'text', 'S', -1, 1009), (114, 'json', 'json', 'U', -1, 199), (700, 'float4', 'real', 'N', 4, 1021),
    (701, 'float8', 'double precision', 'N', 8, 1022), (1043, 'varchar', 'character varying', 'S', -1, 1015), (1082, 'date', 'date', 'D', 4, 1182),
    (1083, 'time', 'time without time zone', 'D', 8, 1183), (1114, 'timestamp', 'timestamp without time zone', 'D', 8, 1115),
    (1184, 'timestamptz', 'timestamp with time zone', 'D', 8, 1185), (1186, 'interval', 'interval', 'T', 16, 1187), (1700, 'numeric', 'numeric', 'N', -1, 1231),
    (26, 'oid', 'oid', 'N', 4, 1028), (19, 'name', 'name', 'S', 64, 1003), (2950, 'uuid', 'uuid', 'U', 16, 2951)
) as t(oid, name, title, category, size, array_oid);

create macro pg.scalar_oid(t) as case
    when t = 'BOOLEAN' then 16 when t in ('TINYINT', 'SMALLINT', 'UTINYINT') then 21 when t in ('INTEGER', 'USMALLINT') then 23 when t in ('BIGINT', 'UINTEGER') then 20
    when t = 'FLOAT' then 700 when t = 'DOUBLE' then 701 when starts_with(t, 'DECIMAL') or t in ('HUGEINT', 'UHUGEINT', 'UBIGINT') then 1700 when t = 'BLOB' then 17
    when t = 'DATE' then 1082 when t = 'TIME' then 1083 when t = 'TIMESTAMP WITH TIME ZONE' then 1184 when starts_with(t, 'TIMESTAMP') then 1114 when t = 'INTERVAL' then 1186
    when starts_with(t, 'MAP') or starts_with(t, 'STRUCT') then 114 else 25 end;
create macro pg.type_oid(t) as case
    when not ends_with(t, '[]') then pg.scalar_oid(t)
    when ends_with(t, '[][]') or pg.scalar_oid(t[:-3]) = 114 then 114
    else (select array_oid from pg.type_list where oid = pg.scalar_oid(t[:-3])) end;
create macro pg.type_modifier(t) as case
    when starts_with(t, 'DECIMAL') and not ends_with(t, '[]') then regexp_extract(t, '\((\d+),', 1)::int * 65536 + regexp_extract(t, ',(\d+)\)', 1)::int + 4 else -1 end;
create macro pg.format_type(type, modifier) as (select case
    when l.array_oid = type then l.title || '[]'
    when type = 1700 and modifier > 0 then 'numeric(' || (modifier - 4) // 65536 || ',' || (modifier - 4) % 65536 || ')' else l.title end
    from pg.type_list l where type in (l.oid, l.array_oid));

create view pg.pg_type as
    select oid, name as typname, 11 as typnamespace, 10 as typowner, size as typlen, false as typbyval, 'b' as typtype, category as typcategory, false as typispreferred,
        true as typisdefined, ',' as typdelim, 0 as typrelid, 0 as typelem, array_oid as typarray, '-' as typinput, -1 as typtypmod, false as typnotnull, 0 as typbasetype,
        0 as typcollation, 0 as typndims, null::varchar as typdefault from pg.type_list
    union all by name
    select array_oid as oid, '_' || name as typname, 11 as typnamespace, 10 as typowner, -1 as typlen, false as typbyval, 'b' as typtype, 'A' as typcategory,
        false as typispreferred, true as typisdefined, ',' as typdelim, 0 as typrelid, oid as typelem, 0 as typarray, 'array_in' as typinput, -1 as typtypmod, false as typnotnull,
        0 as typbasetype, 0 as typcollation, 0 as typndims, null::varchar as typdefault from pg.type_list;

-- Schemas, tables and columns.
create view pg.pg_namespace as
    select oid, schema_name as nspname, 10 as nspowner, null::varchar[] as nspacl from duckdb_schemas()
    where database_name = current_database() and schema_name not in ('pg', 'main', 'information_schema', 'pg_catalog')
    union all values (11, 'pg_catalog', 10, null), (12, 'information_schema', 10, null);
create view pg.pg_class as
    select table_oid as oid, table_name as relname, schema_oid as relnamespace, 0 as reltype, 0 as reloftype, 10 as relowner, 2 as relam, 0 as relfilenode, 0 as reltablespace,
        0 as relpages, -1::float as reltuples, 0 as relallvisible, 0 as reltoastrelid, false as relhasindex, false as relisshared, 'p' as relpersistence, 'r' as relkind,
        column_count as relnatts, 0 as relchecks, false as relhasrules, false as relhastriggers, false as relhassubclass, false as relrowsecurity,
        false as relforcerowsecurity, true as relispopulated, 'd' as relreplident, false as relispartition, null::varchar[] as relacl, null::varchar[] as reloptions,
        null::varchar as relpartbound
    from duckdb_tables() where not internal and not temporary and schema_name <> 'pg';
create view pg.pg_attribute as
    select c.table_oid as attrelid, c.column_name as attname, pg.type_oid(c.data_type) as atttypid, -1 as attstattarget, -1 as attlen, c.column_index as attnum, 0 as attndims,
        pg.type_modifier(c.data_type) as atttypmod, not c.is_nullable as attnotnull, false as atthasdef, false as atthasmissing, '' as attidentity, '' as attgenerated,
        false as attisdropped, true as attislocal, 0 as attinhcount, 0 as attcollation, 'x' as attstorage, '' as attcompression, null::varchar[] as attacl,
        null::varchar[] as attoptions, null::varchar[] as attfdwoptions
    from duckdb_columns() c where not c.internal and c.schema_name <> 'pg';
create view pg.pg_tables as
    select schema_name as schemaname, table_name as tablename, 'millrace' as tableowner, null::varchar as tablespace, false as hasindexes, false as hasrules,
        false as hastriggers, false as rowsecurity from duckdb_tables() where not internal and not temporary and schema_name <> 'pg';
create view pg.information_tables as
    select 'lakehouse' as table_catalog, schemaname as table_schema, tablename as table_name, 'BASE TABLE' as table_type, 'NO' as is_insertable_into, 'NO' as is_typed from pg.pg_tables;
create view pg.information_columns as
    select 'lakehouse' as table_catalog, n.nspname as table_schema, c.relname as table_name, a.attname as column_name, a.attnum as ordinal_position,
        null::varchar as column_default, if(a.attnotnull, 'NO', 'YES') as is_nullable, if(l.array_oid = a.atttypid, 'ARRAY', l.title) as data_type,
        null::int as character_maximum_length, if(a.atttypmod > 0, (a.atttypmod - 4) // 65536, null) as numeric_precision,
        if(a.atttypmod > 0, (a.atttypmod - 4) % 65536, null) as numeric_scale, null::int as datetime_precision, if(l.array_oid = a.atttypid, '_', '') || l.name as udt_name,
        'pg_catalog' as udt_schema, 'NO' as is_identity, 'NEVER' as is_generated, 'NO' as is_updatable
    from pg.pg_attribute a join pg.pg_class c on c.oid = a.attrelid join pg.pg_namespace n on n.oid = c.relnamespace
    left join pg.type_list l on a.atttypid in (l.oid, l.array_oid);
create view pg.information_schemata as select 'lakehouse' as catalog_name, nspname as schema_name, 'millrace' as schema_owner from pg.pg_namespace;

create view pg.pg_database as
    select 1 as oid, 'lakehouse' as datname, 10 as datdba, 6 as encoding, 'c' as datlocprovider, false as datistemplate, true as datallowconn, -1 as datconnlimit,
        'C' as datcollate, 'C' as datctype, null::varchar as daticulocale, null::varchar[] as datacl, 0 as dattablespace;
create view pg.pg_roles as
    select 10 as oid, 'millrace' as rolname, false as rolsuper, true as rolinherit, false as rolcreaterole, false as rolcreatedb, true as rolcanlogin, -1 as rolconnlimit,
        null::timestamp as rolvaliduntil, false as rolreplication, false as rolbypassrls, null::varchar[] as rolconfig;
create view pg.pg_user as select rolname as usename, oid as usesysid, rolsuper as usesuper from pg.pg_roles;
create view pg.pg_am as select 2 as oid, 'heap' as amname, 't' as amtype;

-- What the lake has none of: indexes, constraints, views of PostgreSQL's and the rest.
create table pg.pg_index (indexrelid bigint, indrelid bigint, indnatts int, indnkeyatts int, indisunique bool, indnullsnotdistinct bool, indisprimary bool, indisexclusion bool,
    indimmediate bool, indisclustered bool, indisvalid bool, indisready bool, indislive bool, indisreplident bool, indkey int[], indcollation bigint[], indclass bigint[], indoption int[], indexprs varchar, indpred varchar);
create table pg.pg_constraint (oid bigint, conname varchar, connamespace bigint, contype varchar, condeferrable bool, condeferred bool, convalidated bool, conrelid bigint, contypid bigint,
    conindid bigint, conparentid bigint, confrelid bigint, confupdtype varchar, confdeltype varchar, confmatchtype varchar, conislocal bool, connoinherit bool, conkey int[], confkey int[], conexclop bigint[]);
create table pg.pg_description (objoid bigint, classoid bigint, objsubid int, description varchar);
create table pg.pg_attrdef (oid bigint, adrelid bigint, adnum int, adbin varchar);
create table pg.pg_inherits (inhrelid bigint, inhparent bigint, inhseqno int, inhdetachpending bool);
create table pg.pg_policy (oid bigint, polname varchar, polrelid bigint, polcmd varchar, polpermissive bool, polroles bigint[], polqual varchar, polwithcheck varchar);
create table pg.pg_trigger (oid bigint, tgrelid bigint, tgname varchar, tgfoid bigint, tgtype int, tgenabled varchar, tgisinternal bool, tgparentid bigint, tgconstraint bigint);
create table pg.pg_rewrite (oid bigint, rulename varchar, ev_class bigint, ev_type varchar, ev_enabled varchar, is_instead bool);
create table pg.pg_statistic_ext (oid bigint, stxrelid bigint, stxname varchar, stxnamespace bigint, stxkind varchar[], stxstattarget int, stxkeys int[]);
create table pg.pg_publication (oid bigint, pubname varchar, puballtables bool);
create table pg.pg_publication_rel (oid bigint, prpubid bigint, prrelid bigint, prqual varchar, prattrs int[]);
create table pg.pg_publication_namespace (oid bigint, pnpubid bigint, pnnspid bigint);
create table pg.pg_collation (oid bigint, collname varchar, collnamespace bigint, collisdeterministic bool, collprovider varchar);
create table pg.pg_proc (oid bigint, proname varchar, pronamespace bigint, proowner bigint, prokind varchar, prorettype bigint, proargtypes bigint[]);
create table pg.pg_enum (oid bigint, enumtypid bigint, enumsortorder float, enumlabel varchar);
create table pg.pg_range (rngtypid bigint, rngsubtype bigint);
create table pg.pg_views (schemaname varchar, viewname varchar, viewowner varchar, definition varchar);
create table pg.pg_matviews (schemaname varchar, matviewname varchar, matviewowner varchar, definition varchar);
create table pg.pg_indexes (schemaname varchar, tablename varchar, indexname varchar, tablespace varchar, indexdef varchar);
create table pg.pg_sequence (seqrelid bigint, seqtypid bigint, seqstart bigint, seqincrement bigint, seqmax bigint, seqmin bigint, seqcache bigint, seqcycle bool);
create table pg.pg_auth_members (roleid bigint, member bigint, grantor bigint, admin_option bool);
create table pg.pg_shdescription (objoid bigint, classoid bigint, description varchar);
create table pg.pg_foreign_table (ftrelid bigint, ftserver bigint, ftoptions varchar[]);
create table pg.pg_partitioned_table (partrelid bigint, partstrat varchar);
create table pg.pg_opclass (oid bigint, opcname varchar, opcmethod bigint, opcdefault bool);
create table pg.pg_depend (classid bigint, objid bigint, objsubid int, refclassid bigint, refobjid bigint, refobjsubid int, deptype varchar);
create table pg.pg_extension (oid bigint, extname varchar, extversion varchar, extnamespace bigint);
create table pg.pg_tablespace (oid bigint, spcname varchar);

-- Functions.
create macro pg.setting(name) as case lower(name) when 'server_version_num' then '150000' when 'server_version' then '15.0' when 'timezone' then 'UTC'
    when 'search_path' then 'gold, silver' when 'standard_conforming_strings' then 'on' when 'transaction_isolation' then 'repeatable read' when 'default_table_access_method' then 'heap'
    when 'max_index_keys' then '32' when 'server_encoding' then 'UTF8' when 'client_encoding' then 'UTF8' else '' end;
create macro pg.current_setting(name) as pg.setting(name), (name, missing_ok) as pg.setting(name);
create macro pg.array_upper(list, dimension) as len(list);
create macro pg.array_lower(list, dimension) as 1;
create macro pg.version() as 'PostgreSQL 15.0 (millrace, DuckDB)';
create macro pg.pg_get_userbyid(role) as 'millrace';
create macro pg.pg_encoding_to_char(encoding) as 'UTF8';
create macro pg.pg_table_is_visible(oid) as true;
create macro pg.pg_type_is_visible(oid) as true;
create macro pg.pg_function_is_visible(oid) as true;
create macro pg.pg_get_expr(tree, relation) as null::varchar, (tree, relation, pretty) as null::varchar;
create macro pg.pg_get_indexdef(oid) as null::varchar, (oid, "column", pretty) as null::varchar;
create macro pg.pg_get_constraintdef(oid) as null::varchar, (oid, pretty) as null::varchar;
create macro pg.pg_get_viewdef(oid) as null::varchar, (oid, pretty) as null::varchar;
create macro pg.pg_get_function_result(oid) as null::varchar;
create macro pg.pg_get_function_arguments(oid) as null::varchar;
create macro pg.pg_get_serial_sequence(tab, col) as null::varchar;
create macro pg.pg_get_statisticsobjdef_columns(oid) as null::varchar;
create macro pg.pg_relation_is_publishable(oid) as false;
create macro pg.pg_relation_size(oid) as 0;
create macro pg.pg_table_size(oid) as 0;
create macro pg.pg_total_relation_size(oid) as 0;
create macro pg.pg_size_pretty(n) as n || ' bytes';
create macro pg.pg_is_in_recovery() as false;
create macro pg.pg_backend_pid() as 1;
create macro pg.pg_my_temp_schema() as 0;
create macro pg.obj_description(oid) as null::varchar, (oid, catalog) as null::varchar;
create macro pg.col_description(oid, "column") as null::varchar;
create macro pg.shobj_description(oid, catalog) as null::varchar;
create macro pg.has_table_privilege(tab, privilege) as privilege ilike 'select%', (role, tab, privilege) as privilege ilike 'select%';
create macro pg.has_schema_privilege(name, privilege) as privilege ilike 'usage%', (role, name, privilege) as privilege ilike 'usage%';
create macro pg.has_database_privilege(name, privilege) as privilege ilike 'connect%', (role, name, privilege) as privilege ilike 'connect%';
create macro pg.quote_ident(name) as if(regexp_full_match(name, '[a-z_][a-z0-9_]*'), name, '"' || replace(name, '"', '""') || '"');
create macro pg.set_config(name, value, local) as value;
create macro pg.to_regtype(wanted) as (select oid from pg.type_list t where wanted in (t.name, t.title));
create macro pg.to_regclass(wanted) as (select c.oid from pg.pg_class c join pg.pg_namespace n on n.oid = c.relnamespace
    where wanted in (n.nspname || '.' || c.relname, c.relname, 'pg_catalog.' || c.relname) order by n.nspname limit 1);
