# SPDX-License-Identifier: Apache-2.0
"""Draws a curve over a logarithmic axis as SVG, with nothing but Python."""

import math

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 400, 60, 50, 40, 20


def svg(points, title, x_title, y_title):
    """The SVG of points (x, y); x is drawn by its logarithm, y from 0."""
    low, high = math.log10(points[0][0]), math.log10(points[-1][0])
    top = max(y for _, y in points) * 1.15

    def at(x, y):
        return (LEFT + (math.log10(x) - low) / (high - low) * (WIDTH - LEFT - RIGHT),
                HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - TOP))

    def text(x, y, what, anchor="middle"):
        return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{what}</text>'

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             text(WIDTH / 2, TOP / 2, title),
             text(WIDTH / 2, HEIGHT - 10, x_title),
             text(LEFT, TOP - 8, y_title, "start")]
    step = 10 ** math.floor(math.log10(top / 2))
    for i in range(int(top / step) + 1):
        x, y = at(points[0][0], i * step)
        lines.append(f'<path d="M{x:.1f} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        lines.append(text(x - 6, y + 4, f"{i * step:g}", "end"))
    for x, y in points:
        lines.append(text(at(x, 0)[0], at(x, 0)[1] + 18, f"{x:,}"))
        lines.append(f'<circle cx="{at(x, y)[0]:.1f}" cy="{at(x, y)[1]:.1f}" r="3"/>')
    path = "L".join(f"{at(x, y)[0]:.1f} {at(x, y)[1]:.1f}" for x, y in points)
    lines += [f'<path d="M{path}" fill="none" stroke="black"/>', "</svg>", ""]
    return "\n".join(lines)
