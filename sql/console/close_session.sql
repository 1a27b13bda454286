-- $1 digest
delete from sessions where digest = $1 returning method
