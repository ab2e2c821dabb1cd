"""How a hybrid job holds nodes and QPUs: one file a coupling, each a generator of actions."""
