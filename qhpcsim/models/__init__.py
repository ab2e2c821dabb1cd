"""Models of time and fidelity, each reading a calibration card: ``open_qpu("ibm_heron_r2").predict(request)``."""
