-- Where results come back.
select id from connections where provider = 'switchhook' and slug = 'results'
