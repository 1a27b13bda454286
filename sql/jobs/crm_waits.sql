-- Whether there is anything to look at: a queue that is empty costs no transaction.
select exists (select from crm_queue) as "waits!"
