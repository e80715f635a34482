"""One drawing for each product of the invented shop."""

from __future__ import annotations

from collections.abc import Callable

from app.demo.draw import INK, WHITE, Pen, Point, mixed

RED, BLUE, GREEN, VIOLET, TEAL, OCHRE, RUST = "#c2413a", "#2f5bea", "#1b7f4b", "#6b4bb8", "#0f766e", "#d9941e", "#b4572a"
SAND, STONE, LEATHER, STEEL = "#d8c3a5", "#8b95a5", "#9a5b34", "#aab4c2"


def light(colour: str, share: float = 0.35) -> str:
    return mixed(colour, WHITE, share)


def dark(colour: str, share: float = 0.25) -> str:
    return mixed(colour, "#000000", share)


# -- shoes -------------------------------------------------------------------------------------------------------------


def _laces(pen: Pen, start: Point, step: Point, count: int, colour: str) -> None:
    for i in range(count):
        x, y = start[0] + step[0] * i, start[1] + step[1] * i
        pen.line([(x - 13, y + 9), (x + 13, y - 9)], colour, 6, sharp=True)


def _sole(pen: Pen, left: float, right: float, top: float, colour: str, studs: str | None = None) -> None:
    if studs:
        for x in range(int(left) + 8, int(right) - 16, 24):
            pen.box(x, top + 16, x + 14, top + 34, studs, 4)
    pen.shape([(left, top), (right - 30, top), (right + 4, top - 10), (right + 6, top + 18), (right - 18, top + 28), (left + 8, top + 28), (left - 4, top + 12)], colour)


def fjell(pen: Pen) -> None:
    pen.shadow(58, 312)
    upper = [(72, 250), (70, 178), (84, 158), (112, 168), (138, 172), (156, 158), (200, 196), (262, 214), (300, 232), (304, 256)]
    pen.shape(upper, RED)
    pen.inside(upper, lambda p: (p.shape([(50, 262), (120, 196), (170, 232), (320, 220), (320, 270)], dark(RED)), p.shape([(240, 190), (320, 210), (320, 270), (262, 262)], light(RED, 0.2))))
    pen.shape([(108, 170), (150, 152), (166, 160), (140, 186)], dark(RED, 0.45))
    _laces(pen, (172, 178), (22, 12), 4, WHITE)
    _sole(pen, 66, 300, 252, WHITE, INK)


def strand(pen: Pen) -> None:
    pen.shadow(58, 312)
    upper = [(76, 256), (74, 186), (86, 172), (150, 176), (166, 168), (210, 204), (268, 222), (300, 240), (300, 258)]
    pen.shape(upper, BLUE)
    pen.inside(upper, lambda p: (p.shape([(252, 200), (330, 220), (320, 280), (246, 270)], WHITE), p.line([(90, 232), (150, 236), (220, 232)], light(BLUE, 0.6), 6)))
    pen.shape([(88, 174), (150, 170), (166, 172), (146, 192), (100, 190)], dark(BLUE, 0.4))
    _laces(pen, (180, 192), (20, 10), 3, WHITE)
    _sole(pen, 70, 300, 254, WHITE)
    pen.line([(76, 270), (298, 270)], light(RED, 0.2), 4, sharp=True)


def tinde(pen: Pen) -> None:
    pen.shadow(58, 312)
    upper = [(82, 252), (78, 120), (90, 98), (156, 94), (172, 106), (178, 164), (222, 200), (280, 216), (304, 238), (304, 256)]
    pen.shape(upper, LEATHER)
    pen.inside(upper, lambda p: (p.shape([(60, 240), (130, 200), (200, 230), (320, 226), (320, 280), (60, 280)], dark(LEATHER, 0.3)), p.box(60, 84, 190, 118, dark(LEATHER, 0.45))))
    for i in range(5):
        pen.line([(140, 132 + i * 20), (172 + i * 7, 124 + i * 20)], OCHRE, 6, sharp=True)
        pen.disc(138, 133 + i * 20, 5, STEEL)
    _sole(pen, 72, 302, 250, INK, INK)
    pen.line([(82, 252), (290, 250)], OCHRE, 4)


def elv(pen: Pen) -> None:
    pen.shadow(58, 312)
    pen.shape([(66, 252), (84, 238), (170, 246), (250, 244), (304, 238), (314, 256), (290, 282), (84, 282)], INK)
    pen.shape([(70, 246), (88, 236), (170, 242), (250, 240), (300, 234), (308, 244), (250, 256), (90, 258)], SAND)
    for points in ([(92, 242), (96, 176), (120, 150), (150, 160)], [(100, 196), (150, 176), (180, 182), (208, 240)], [(150, 160), (182, 184), (250, 200), (286, 236)]):
        pen.line(points, TEAL, 22)
        pen.line(points, light(TEAL, 0.3), 4)
    pen.box(138, 160, 168, 184, STEEL, 5)
    pen.box(145, 166, 161, 178, TEAL, 3)


def sno(pen: Pen) -> None:
    pen.shadow(58, 312)
    upper = [(88, 250), (84, 112), (92, 92), (184, 92), (190, 110), (188, 170), (226, 202), (282, 216), (304, 238), (304, 254)]
    pen.shape(upper, VIOLET)
    pen.inside(upper, lambda p: [p.line([(70, y), (200, y)], dark(VIOLET, 0.22), 5, sharp=True) for y in (138, 168, 198)])
    pen.inside(upper, lambda p: p.shape([(60, 226), (140, 214), (210, 236), (320, 222), (320, 280), (60, 280)], INK))
    for x in range(84, 200, 16):
        pen.disc(x, 88, 15, WHITE)
        pen.disc(x + 8, 102, 12, light(SAND, 0.6))
    pen.line([(96, 226), (180, 222)], OCHRE, 9)
    _sole(pen, 74, 302, 250, light(SAND, 0.5), INK)


# -- cameras -----------------------------------------------------------------------------------------------------------


def _lens(pen: Pen, x: float, y: float, radius: float, rim: str) -> None:
    for share, colour in ((1.0, rim), (0.88, INK), (0.62, "#33415e"), (0.46, "#4a5f94"), (0.28, INK)):
        pen.disc(x, y, radius * share, colour)
    pen.disc(x - radius * 0.3, y - radius * 0.32, radius * 0.13, "#dfe7ff")


def lys1(pen: Pen) -> None:
    pen.shadow(64, 296, 284)
    pen.box(118, 108, 172, 140, INK, 8)
    pen.box(226, 114, 266, 140, OCHRE, 8)
    pen.box(66, 128, 294, 278, STEEL, 22)
    pen.box(66, 164, 294, 254, RUST, 0)
    pen.box(82, 142, 116, 156, INK, 4)
    _lens(pen, 188, 208, 58, light(STEEL, 0.6))
    pen.disc(268, 148, 7, WHITE)


def lyspro(pen: Pen) -> None:
    pen.shadow(52, 308, 288)
    pen.shape([(140, 128), (156, 86), (226, 86), (242, 128)], INK, sharp=True)
    pen.box(84, 104, 126, 132, STONE, 6)
    pen.box(246, 110, 290, 132, STONE, 6)
    pen.box(58, 124, 302, 280, INK, 24)
    pen.box(58, 124, 112, 280, "#2b3550", 24)
    pen.box(266, 150, 296, 158, RED, 4)
    _lens(pen, 194, 204, 78, STONE)
    pen.ring(116, 126, 272, 282, RED, 4)


def action(pen: Pen) -> None:
    pen.shadow(92, 268, 286)
    pen.box(150, 70, 210, 112, STONE, 10)
    pen.box(166, 58, 194, 84, INK, 8)
    pen.box(92, 100, 268, 280, light(INK, 0.15), 30)
    pen.box(106, 114, 254, 266, INK, 22)
    _lens(pen, 206, 168, 44, STEEL)
    pen.box(120, 224, 176, 250, TEAL, 8)
    pen.disc(132, 138, 8, RED)


# -- bags --------------------------------------------------------------------------------------------------------------


def skog(pen: Pen) -> None:
    pen.shadow(88, 272)
    pen.ring(146, 58, 214, 130, dark(GREEN), 11, 180, 360)
    body = [(98, 290), (88, 180), (104, 112), (150, 92), (210, 92), (256, 112), (272, 180), (262, 290)]
    pen.shape(body, GREEN)
    pen.inside(body, lambda p: (p.shape([(70, 80), (290, 80), (290, 150), (230, 176), (130, 176), (70, 150)], light(GREEN, 0.18)), p.box(230, 100, 300, 300, dark(GREEN, 0.12))))
    pen.box(118, 196, 242, 278, dark(GREEN, 0.2), 18)
    pen.line([(134, 218), (226, 218)], OCHRE, 5, sharp=True)
    pen.box(170, 148, 190, 196, LEATHER, 4)
    pen.disc(180, 184, 6, OCHRE)


def vidde(pen: Pen) -> None:
    pen.shadow(92, 268, 300)
    pen.box(104, 262, 256, 300, OCHRE, 19)
    pen.box(124, 262, 134, 300, INK, 2)
    pen.box(226, 262, 236, 300, INK, 2)
    body = [(112, 274), (100, 180), (110, 96), (160, 76), (200, 76), (250, 96), (260, 180), (248, 274)]
    pen.shape(body, TEAL)
    pen.inside(body, lambda p: p.box(228, 60, 280, 290, dark(TEAL, 0.15)))
    pen.shape([(98, 118), (110, 66), (160, 50), (200, 50), (250, 66), (262, 118), (210, 130), (150, 130)], light(TEAL, 0.2))
    pen.box(134, 170, 226, 250, dark(TEAL, 0.2), 14)
    for x in (124, 230):
        pen.line([(x, 120), (x, 262)], INK, 7, sharp=True)
        pen.box(x - 9, 142, x + 9, 156, STEEL, 3)


def cube(pen: Pen) -> None:
    pen.shadow(76, 290, 288)
    pen.ring(142, 82, 222, 160, INK, 10, 180, 360)
    pen.shape([(76, 146), (250, 146), (250, 284), (76, 284)], STONE, sharp=True)
    pen.shape([(250, 146), (288, 122), (288, 258), (250, 284)], dark(STONE, 0.25), sharp=True)
    pen.shape([(76, 146), (114, 122), (288, 122), (250, 146)], light(STONE, 0.3), sharp=True)
    pen.line([(76, 174), (250, 174)], INK, 5, sharp=True)
    pen.line([(250, 174), (288, 150)], INK, 5, sharp=True)
    pen.box(150, 168, 176, 182, OCHRE, 4)
    pen.box(106, 204, 218, 262, dark(STONE, 0.12), 10)


def by(pen: Pen) -> None:
    pen.shadow(70, 290)
    pen.ring(110, 56, 250, 236, dark(RUST, 0.35), 12, 190, 350)
    body = [(74, 286), (70, 150), (86, 136), (274, 136), (290, 150), (286, 286)]
    pen.shape(body, RUST)
    pen.shape([(68, 138), (292, 138), (294, 212), (250, 232), (110, 232), (66, 212)], dark(RUST, 0.15))
    for x in (126, 234):
        pen.box(x - 10, 136, x + 10, 248, LEATHER, 3)
        pen.box(x - 14, 226, x + 14, 250, STEEL, 4)


# -- jackets -----------------------------------------------------------------------------------------------------------

_BODY = [(112, 286), (112, 128), (146, 100), (214, 100), (248, 128), (248, 286)]


def _sleeves(pen: Pen, colour: str, cuff: str) -> None:
    for points, end in (([(118, 126), (88, 180), (78, 252)], (78, 252)), ([(242, 126), (272, 180), (282, 252)], (282, 252))):
        pen.line(points, colour, 42)
        pen.box(end[0] - 21, 250, end[0] + 21, 268, cuff, 5)


def regn(pen: Pen) -> None:
    pen.shadow(84, 276, 298)
    _sleeves(pen, dark(OCHRE, 0.1), dark(OCHRE, 0.3))
    pen.shape(_BODY, OCHRE)
    pen.shape([(138, 122), (130, 70), (160, 50), (200, 50), (230, 70), (222, 122), (180, 140)], dark(OCHRE, 0.12))
    pen.shape([(152, 116), (148, 80), (180, 66), (212, 80), (208, 116), (180, 126)], INK)
    pen.line([(180, 128), (180, 286)], dark(OCHRE, 0.35), 6, sharp=True)
    for x in (128, 196):
        pen.box(x, 218, x + 38, 230, dark(OCHRE, 0.25), 4)
    for y in (150, 186, 222, 258):
        pen.disc(180, y, 5, WHITE)


def dun(pen: Pen) -> None:
    pen.shadow(84, 276, 298)
    _sleeves(pen, dark(TEAL, 0.12), INK)
    pen.shape(_BODY, TEAL)
    for y in (140, 168, 196, 224, 252):
        pen.line([(114, y), (146, y + 9), (180, y + 3), (214, y + 9), (246, y)], dark(TEAL, 0.28), 5)
    for x, side in ((92, -1), (268, 1)):
        for i, y in enumerate((168, 196, 224)):
            pen.line([(x - 18 + side * i * 5, y), (x + 16 + side * i * 5, y + 2)], dark(TEAL, 0.3), 5)
    pen.box(142, 82, 218, 116, light(TEAL, 0.2), 16)
    pen.line([(180, 84), (180, 284)], INK, 6, sharp=True)
    pen.box(174, 108, 186, 126, STEEL, 3)
    pen.box(112, 270, 248, 288, INK, 6)


def vind(pen: Pen) -> None:
    pen.shadow(84, 276, 298)
    _sleeves(pen, light(BLUE, 0.2), INK)
    pen.shape(_BODY, BLUE)
    pen.inside(_BODY, lambda p: p.shape([(90, 90), (270, 90), (270, 150), (180, 196), (90, 150)], light(BLUE, 0.35), sharp=True))
    pen.box(146, 80, 214, 116, INK, 14)
    pen.line([(180, 92), (180, 190)], OCHRE, 6, sharp=True)
    pen.line([(200, 232), (236, 222)], OCHRE, 5, sharp=True)
    pen.box(112, 274, 248, 288, INK, 5)


# -- accessories -------------------------------------------------------------------------------------------------------


def strap(pen: Pen) -> None:
    pen.shadow(90, 270, 296)
    loop = [(120, 286), (84, 200), (104, 96), (180, 66), (256, 96), (276, 200), (240, 286)]
    pen.line(loop, LEATHER, 22)
    pen.line(loop, light(LEATHER, 0.35), 3)
    pen.line([(104, 96), (180, 66), (256, 96)], dark(LEATHER, 0.3), 34)
    for x in (119, 241):
        pen.ring(x - 15, 268, x + 15, 298, STEEL, 6)


def tripod(pen: Pen) -> None:
    pen.shadow(72, 288, 296)
    for foot in (90, 270):
        pen.line([(180, 142), (180 + (foot - 180) * 0.55, 224)], INK, 15, sharp=True)
        pen.line([(180 + (foot - 180) * 0.5, 218), (foot, 290)], STONE, 10, sharp=True)
    pen.line([(180, 142), (180, 230)], "#2b3550", 15, sharp=True)
    pen.line([(180, 224), (180, 296)], STONE, 10, sharp=True)
    pen.box(168, 92, 192, 150, INK, 6)
    pen.disc(180, 96, 22, RED)
    pen.box(140, 60, 220, 80, INK, 6)
    pen.line([(200, 112), (252, 132)], INK, 8, sharp=True)


def bottle(pen: Pen) -> None:
    pen.shadow(116, 244, 296)
    pen.ring(156, 44, 204, 84, INK, 9, 180, 360)
    pen.box(150, 62, 210, 100, INK, 8)
    body = [(124, 296), (124, 150), (150, 112), (152, 98), (208, 98), (210, 112), (236, 150), (236, 296)]
    pen.shape(body, TEAL)
    pen.inside(body, lambda p: (p.box(124, 90, 146, 300, light(TEAL, 0.35)), p.box(212, 90, 240, 300, dark(TEAL, 0.18)), p.box(110, 264, 250, 300, STEEL)))
    pen.shape([(152, 236), (176, 190), (186, 206), (196, 194), (214, 236)], WHITE, sharp=True)


def filter(pen: Pen) -> None:
    pen.shadow(92, 268, 296)
    pen.disc(180, 186, 102, INK)
    pen.disc(180, 186, 92, STONE)
    pen.disc(180, 186, 84, "#4a5f94")
    pen.shape([(112, 236), (214, 104), (244, 124), (136, 258)], "#6f86c4")
    for i in range(24):
        pen.ring(78, 84, 282, 288, STEEL, 8, i * 15, i * 15 + 6)
    pen.box(172, 78, 188, 94, RED, 3)


def drypack(pen: Pen) -> None:
    pen.shadow(106, 254, 296)
    body = [(118, 294), (108, 150), (116, 110), (244, 110), (252, 150), (242, 294)]
    pen.shape(body, RED)
    pen.inside(body, lambda p: (p.box(100, 100, 142, 300, light(RED, 0.22)), p.box(100, 252, 260, 300, dark(RED, 0.2))))
    pen.box(106, 84, 254, 120, dark(RED, 0.3), 10)
    pen.ring(140, 44, 220, 116, INK, 9, 180, 360)
    pen.box(158, 84, 202, 118, INK, 6)
    pen.box(150, 168, 210, 222, WHITE, 8)
    pen.line([(160, 204), (174, 186), (186, 200), (200, 184)], BLUE, 6)


def vax(pen: Pen) -> None:
    pen.shadow(70, 292, 288)
    pen.oval(74, 222, 214, 288, dark(OCHRE, 0.2))
    pen.box(74, 204, 214, 256, dark(OCHRE, 0.2))
    pen.oval(74, 170, 214, 238, OCHRE)
    pen.oval(92, 180, 196, 228, light(OCHRE, 0.45))
    pen.box(232, 104, 262, 236, LEATHER, 14)
    pen.box(224, 220, 270, 250, dark(LEATHER, 0.3), 6)
    for x in range(228, 270, 8):
        pen.line([(x, 250), (x - 2, 284)], SAND, 6, sharp=True)


def ull(pen: Pen) -> None:
    pen.shadow(76, 300, 290)
    for shift, colour in ((60, dark(GREEN, 0.25)), (0, GREEN)):
        sock = [(98 + shift, 78), (162 + shift, 78), (162 + shift, 190), (232 + shift * 0.8, 226), (248 + shift * 0.8, 258), (224 + shift * 0.8, 284), (140 + shift, 284), (104 + shift, 256), (98 + shift, 200)]
        pen.shape(sock, colour)

        def knitted(p: Pen, shift: int = shift) -> None:
            p.box(60 + shift, 60, 200 + shift, 112, light(SAND, 0.4))
            p.box(60 + shift, 140, 200 + shift, 152, light(SAND, 0.4))
            p.box(60 + shift, 166, 200 + shift, 172, OCHRE)
            p.disc(238 + shift * 0.8, 268, 34, RED)
            p.disc(106 + shift, 262, 30, RED)

        pen.inside(sock, knitted)


def card(pen: Pen) -> None:
    pen.shadow(108, 252, 296)
    pen.shape([(110, 70), (216, 70), (250, 106), (250, 288), (110, 288)], INK, sharp=True)
    for x in range(124, 214, 22):
        pen.box(x, 82, x + 13, 122, OCHRE, 3)
    pen.box(124, 148, 236, 272, WHITE, 10)
    pen.box(124, 148, 236, 188, BLUE, 10)
    pen.box(124, 178, 236, 188, BLUE)
    for y, end in ((210, 214), (230, 196), (250, 206)):
        pen.line([(140, y), (end, y)], STEEL, 7, sharp=True)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    each.__name__: each
    for each in (
        fjell, strand, tinde, elv, sno, lys1, lyspro, action, skog, vidde, cube, by, regn, dun, vind, strap, tripod, bottle, filter, drypack, vax, ull, card,
    )
}  # fmt: skip
