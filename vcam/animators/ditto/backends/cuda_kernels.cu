// What is not a network between the networks and the camera, for the GPU. Each kernel has a twin in cuda_twins.py.
//
// Arithmetic is in whole numbers where OpenCV's is, and in float32 without fused multiply-add elsewhere, so that the
// same source compiled for a CPU gives the same bytes. Pictures are uint8, interleaved RGB, without gaps.

typedef unsigned char byte;

static __device__ inline int across() { return (int)(blockIdx.x * blockDim.x + threadIdx.x); }

static __device__ inline int down() { return (int)(blockIdx.y * blockDim.y + threadIdx.y); }

static __device__ inline byte to_byte(float value)
{
    return (byte)__float2int_rn(fminf(fmaxf(value, 0.0f), 255.0f));
}

// Planes of float32 in 0..1 [3, pixels] to bytes [pixels, 3], rounded half to even.
extern "C" __global__ void quantise(const float *planes, byte *picture, int pixels)
{
    const int at = across();
    if (at >= pixels)
        return;
    for (int channel = 0; channel < 3; ++channel)
        picture[3 * at + channel] = to_byte(__fmul_rn(planes[channel * pixels + at], 255.0f));
}

// Blend a square crop into a box of a canvas. Of each pixel of the box [rows, columns]: where it is in the crop, in
// whole pixels [2] and 1/32 of a pixel (y << 5 | x), how much of the crop it shows (of 255) [3], and what is left of
// the picture [3]. The weights are OpenCV's: of 32768, rounded half up.
extern "C" __global__ void paste(const byte *crop, const short *whole, const unsigned short *part, const byte *mask,
                                 const byte *rest, byte *canvas, int side, int columns, int rows, int left, int top,
                                 int width)
{
    const int x = across(), y = down();
    if (x >= columns || y >= rows)
        return;
    const int at = y * columns + x;
    const int from_x = whole[2 * at], from_y = whole[2 * at + 1];
    const int fx = part[at] & 31, fy = part[at] >> 5;
    byte *out = canvas + 3 * ((long long)(top + y) * width + left + x);
    for (int channel = 0; channel < 3; ++channel) {
        int sum = 0;
        for (int tap = 0; tap < 4; ++tap) {
            const int tx = from_x + (tap & 1), ty = from_y + (tap >> 1);
            const int weight = (tap & 1 ? fx : 32 - fx) * (tap >> 1 ? fy : 32 - fy) * 32;
            if (tx >= 0 && tx < side && ty >= 0 && ty < side)
                sum += weight * crop[3 * (ty * side + tx) + channel];
        }
        const int shown = (sum + (1 << 14)) >> 15;
        const int blended = (2 * shown * mask[3 * at + channel] + 255) / 510 + rest[3 * at + channel];
        out[channel] = (byte)(blended < 255 ? blended : 255);
    }
}

// Bilinear, pixel centres at whole numbers and a half, edges repeated.
extern "C" __global__ void resize_bilinear(const byte *from, byte *to, int from_columns, int from_rows, int columns,
                                           int rows)
{
    const int x = across(), y = down();
    if (x >= columns || y >= rows)
        return;
    float at_x = __fadd_rn(__fmul_rn(x + 0.5f, (float)from_columns / (float)columns), -0.5f);
    float at_y = __fadd_rn(__fmul_rn(y + 0.5f, (float)from_rows / (float)rows), -0.5f);
    at_x = fminf(fmaxf(at_x, 0.0f), (float)(from_columns - 1));
    at_y = fminf(fmaxf(at_y, 0.0f), (float)(from_rows - 1));
    const int x0 = (int)at_x, y0 = (int)at_y;
    const int x1 = x0 + 1 < from_columns ? x0 + 1 : x0, y1 = y0 + 1 < from_rows ? y0 + 1 : y0;
    const float fx = at_x - (float)x0, fy = at_y - (float)y0;
    for (int channel = 0; channel < 3; ++channel) {
        const float a = from[3 * (y0 * from_columns + x0) + channel], b = from[3 * (y0 * from_columns + x1) + channel];
        const float c = from[3 * (y1 * from_columns + x0) + channel], d = from[3 * (y1 * from_columns + x1) + channel];
        const float upper = __fadd_rn(a, __fmul_rn(fx, b - a)), lower = __fadd_rn(c, __fmul_rn(fx, d - c));
        to[3 * (y * columns + x) + channel] = to_byte(__fadd_rn(upper, __fmul_rn(fy, lower - upper)));
    }
}

// For shrinking: the mean of what each pixel covers, pixels that it covers in part weighed accordingly.
extern "C" __global__ void resize_area(const byte *from, byte *to, int from_columns, int from_rows, int columns,
                                       int rows)
{
    const int x = across(), y = down();
    if (x >= columns || y >= rows)
        return;
    // The edges as whole numbers over columns and rows: from_columns * x / columns, and so on.
    const long long x_first = (long long)from_columns * x, x_last = x_first + from_columns;
    const long long y_first = (long long)from_rows * y, y_last = y_first + from_rows;
    float sums[3] = {0.0f, 0.0f, 0.0f};
    for (int row = (int)(y_first / rows); (long long)row * rows < y_last; ++row) {
        const long long above = (long long)row * rows;
        const long long high = (above + rows < y_last ? above + rows : y_last) - (above > y_first ? above : y_first);
        for (int column = (int)(x_first / columns); (long long)column * columns < x_last; ++column) {
            const long long before = (long long)column * columns;
            const long long wide =
                (before + columns < x_last ? before + columns : x_last) - (before > x_first ? before : x_first);
            const float weight = (float)(high * wide);
            for (int channel = 0; channel < 3; ++channel)
                sums[channel] = __fadd_rn(
                    sums[channel], __fmul_rn(weight, (float)from[3 * (row * from_columns + column) + channel]));
        }
    }
    const float all = (float)((long long)from_columns * from_rows);
    for (int channel = 0; channel < 3; ++channel)
        to[3 * (y * columns + x) + channel] = to_byte(__fdiv_rn(sums[channel], all));
}

// RGB to I420, BT.601 limited range, coefficients of 2^20 as in OpenCV, which the stage uses: a block of 2 x 2 pixels
// has the colour of its upper left one. One thread a block.
extern "C" __global__ void rgb_to_i420(const byte *picture, byte *i420, int columns, int rows)
{
    const int x = 2 * across(), y = 2 * down();
    if (x >= columns || y >= rows)
        return;
    for (int tap = 0; tap < 4; ++tap) {
        const int at = (y + (tap >> 1)) * columns + x + (tap & 1);
        const int r = picture[3 * at], g = picture[3 * at + 1], b = picture[3 * at + 2];
        i420[at] = (byte)((269484 * r + 528482 * g + 102760 * b + (1 << 19) + (16 << 20)) >> 20);
    }
    const int at = y * columns + x, chroma = (y / 2) * (columns / 2) + x / 2;
    const int r = picture[3 * at], g = picture[3 * at + 1], b = picture[3 * at + 2];
    byte *u = i420 + columns * rows, *v = u + (columns / 2) * (rows / 2);
    u[chroma] = (byte)((-155188 * r - 305135 * g + 460324 * b + (1 << 19) + (128 << 20)) >> 20);
    v[chroma] = (byte)((460324 * r - 385875 * g - 74448 * b + (1 << 19) + (128 << 20)) >> 20);
}

// One step of the diffusion: what the network makes of it, less noisy, and the step's own noise.
extern "C" __global__ void ddim_step(const float *x_start, const float *pred_noise, const float *noise, float *x,
                                     float signal, float direction, int count)
{
    const int at = across();
    if (at < count)
        x[at] = __fadd_rn(__fadd_rn(__fmul_rn(x_start[at], signal), __fmul_rn(pred_noise[at], direction)), noise[at]);
}
