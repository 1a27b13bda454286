-- Where tables are made: the schema of the search_path, which the program sets (database.schema), also while there is none
-- of that name.
select coalesce(current_schema()::text,
                replace((regexp_match(current_setting('search_path'), '^\s*"((?:[^"]|"")+)"'))[1], '""', '"'),
                trim(split_part(current_setting('search_path'), ',', 1))) as "schema!"
