-- $1 texts, $2 pattern: the places, from 1, of those that name the number. They were sealed, so no table can be asked.
select place as "place!" from unnest($1::text[]) with ordinality as t (text, place) where text ~ $2
