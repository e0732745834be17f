-- Numbers as they were sent, and what is kept of them. No macro runs its arguments twice for most values.
-- A cast rounds half up. Where it differs from half even, which is in ties alone, the text is cut.
create macro rest(x, scale) as case when instr(x, '.') > 0 and strlen(x) - instr(x, '.') > scale then rtrim(x[instr(x, '.') + scale + 1:], '0') else '' end;
create macro rounded(x, scale) as case
    when rest(x, scale) = '5' and x[instr(x, '.') + scale] in ('0', '2', '4', '6', '8') then x[:instr(x, '.') + scale] else x
end;
-- The member of a row's JSON that keeps the text of a number that had to be rounded.
create macro lossy(name, x, scale) as case when rest(x, scale) <> '' then to_json(name) || ':' || to_json(x) end;
create macro original(members) as case
    when len(list_filter(members, lambda m: m is not null)) > 0
    then '{' || array_to_string(list_filter(members, lambda m: m is not null), ',') || '}'
end;
create macro ingested(key, modified) as
    coalesce(try_cast(regexp_extract(key, '/ingest_date=(\d{4}-\d{2}-\d{2})/', 1) as date), cast(modified::timestamptz as date));
