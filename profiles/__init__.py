"""Labels as data: one YAML file per profile; policies that several profiles share stand in ``policies``."""
