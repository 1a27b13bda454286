-- Asked every second: the table is empty where nothing is to be done.
select exists (select from call_words_due) as "are_due!"
