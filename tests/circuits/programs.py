"""Small programs that the tests of circuits share."""

from __future__ import annotations

from pathlib import Path

HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
RICH2 = (
    HEAD2
    + """gate foo(a,b) q,r { cx q,r; u3(a,b,0.1) r; barrier q; }
qreg q[3]; creg c[3];
foo(0.3,-sin(pi/4)^2) q[0],q[1]; // twice a two-qubit gate's worth
u(0.1,0.2,0.3) q[2]; cp(0.4) q[0],q[1]; rzz(1e-3) q[1],q[2]; sx q; csx q[0],q[2];
if(c==2) x q[0];
barrier q; reset q[0]; measure q -> c;
"""
)
RICH3 = (
    HEAD3
    + """gate foo(a) q, r { cx q, r; rz(a) r; }
qubit[3] q; bit[3] c;
let al = q[0:1];
for int i in [0:2:4] { h q[0]; foo(pi/2) q[1], q[2]; }
/* a comment
   of two lines */
ctrl(2) @ x q[0], q[1], q[2]; inv @ s q[0]; pow(3) @ t q[1]; negctrl @ rx(0.5) q[0], q[1];
delay[100ns] q[0]; barrier q; reset q[1]; gphase(0.3); h al;
c[0] = measure q[0];
if (c[0] == true) { x q[0]; } else { y q[0]; z q[0]; }
c = measure q;
"""
)


def write(folder: Path, text: str | bytes, name: str = "a.qasm") -> Path:
    """Return the path of a new file that holds a program."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
