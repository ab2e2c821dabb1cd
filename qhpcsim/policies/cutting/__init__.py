"""How a circuit is run, whole or cut: strategies that choose one of the options of a plan."""
