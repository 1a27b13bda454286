-- What doctor wants to know of the server, for this session.
select current_setting('server_version_num')::int as "version_num!", current_setting('server_version') as "version!",
       current_setting('synchronous_commit') as "synchronous_commit!", current_setting('fsync') as "fsync!",
       current_setting('full_page_writes') as "full_page_writes!", clock_timestamp() as "now!"
