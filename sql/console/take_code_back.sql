-- $1 user
-- It was right. The wrong ones before it stay counted: the owner does not clear them for somebody who guesses.
update second_factors set wrong_codes = greatest(wrong_codes - 1, 0) where user_id = $1
