"""`vcam selftest`: delay, skew and frames as applications get them, not as the session believes them to be.

The way of a measurement:

- Clicks (1 ms) and speech are played into a microphone made for it alone, a null sink; the session listens there.
  A recording of that same microphone tells when each click was spoken, one of the virtual microphone when it was heard.
  Both are made alike, so what capture costs cancels out in their difference: the voice's delay. Click times are good
  for about 0.1 ms within a recording; a recording's own times, smoothed over 2 s, for about a millisecond: on
  PulseAudio they were within 1.3 ms of when a reader with 2 ms fragments got the same clicks. That is not what those
  who play are told: a null sink renders ahead of its own clock, as far as recorders let it ("recorded less played").
- The animator finds the clicks in the sound that it is given and writes where they are into the frame that shows that
  sound, as light and dark cells (:mod:`vcam.selftest.marks`); the camera adds for which moment a picture is shown.
  Whoever reads the camera back, a V4L2 reader or an HTTP client on the preview, notes when each picture has arrived
  whole and reads the cells from its pixels. A click's picture less the click is the camera's delay; nothing in it
  rests on the session's own clock. Single pictures come unevenly, which is stated as jitter: here it is the median of
  those within half a second of the click that counts, and what the click's own frame was shown too late by.
- Skew is the camera's delay less the voice's, click by click: positive where the sound is early (ITU-R BT.1359).
- Lost, repeated and late pictures are counted by their marks, exactly.
- Whether the mouth moves with the speech, which no mark can tell, is seen in the pixels (:mod:`vcam.selftest.lips`).

Where there is no sound server or no pactl, the session hears a source of selftest's own, and the voice is left out;
where there is no virtual camera, the preview stands in. The report says so.
"""

from vcam.selftest.result import Row, SelfTest
from vcam.selftest.run import Parts, run_selftest

__all__ = ["Parts", "Row", "SelfTest", "run_selftest"]
