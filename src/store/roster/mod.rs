//! Who is there: tenants, campaigns, connections, numbers, agents and tokens, as people list and change them.

pub mod agents;
pub mod campaigns;
pub mod connections;
pub mod heard;
pub mod numbers;
pub mod tenants;
pub mod tokens;
