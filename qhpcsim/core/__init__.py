"""Ground floor: errors, registry, units, random streams, cards and the records every room shares."""
