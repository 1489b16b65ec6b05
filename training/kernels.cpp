/* Training kernels for small MobileNets on processors without AVX-512. All tensors are float32, channels last (NHWC),
 * and the number of channels is a multiple of 8. See kernels.py. */
#include <cmath>
#include <cstdlib>
#include <cstring>

typedef float v8 __attribute__((vector_size(32), aligned(4)));
#define AT(p) (*(v8 *)(p))
#define CAT(p) (*(const v8 *)(p))

/* Adds up two values for each of c columns over m rows: sums[c] and sums[c + c]. terms(i, ch, a, b) adds those of
 * columns ch to ch + 7, which lie at i, to a and b. Runs of 128 rows are added in single precision, part[c + c]. */
template <typename Terms> static inline void column_sums(double *sums, float *part, long m, int c, Terms terms)
{
    for (long at = 0; at < m; at += 128) {
        const long end = at + 128 < m ? at + 128 : m;
        for (int ch = 0; ch < c; ch += 8) {
            v8 a = {0}, b = {0};
            for (long r = at; r < end; r++)
                terms(r * c + ch, ch, a, b);
            AT(part + ch) = a;
            AT(part + c + ch) = b;
        }
        for (int i = 0; i < 2 * c; i++)
            sums[i] += part[i];
    }
}

extern "C" {

typedef struct {
    int n, h, w, c, k, sh, sw, oh, ow;
} Shape;

/* y = depthwise convolution of x; weights lie tap by tap: wt[k * k][c]; padding is k / 2 */
void dw_forward(const float *x, const float *wt, float *y, const Shape *s)
{
    const int p = s->k / 2, c = s->c;
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < s->oh; oy++) {
            const int y0 = oy * s->sh - p;
            const int i0 = y0 < 0 ? -y0 : 0, i1 = y0 + s->k > s->h ? s->h - y0 : s->k;
            for (int ox = 0; ox < s->ow; ox++) {
                const int x0 = ox * s->sw - p;
                const int j0 = x0 < 0 ? -x0 : 0, j1 = x0 + s->k > s->w ? s->w - x0 : s->k;
                float *out = y + (((long)n * s->oh + oy) * s->ow + ox) * c;
                for (int ch = 0; ch < c; ch += 8) {
                    v8 acc = {0};
                    for (int i = i0; i < i1; i++) {
                        const float *row = x + (((long)n * s->h + y0 + i) * s->w + x0) * c + ch;
                        const float *tap = wt + (long)i * s->k * c + ch;
                        for (int j = j0; j < j1; j++)
                            acc += CAT(row + (long)j * c) * CAT(tap + (long)j * c);
                    }
                    AT(out + ch) = acc;
                }
            }
        }
}

/* gradient of the input: every pixel gathers from the outputs it went into */
void dw_backward_input(const float *g, const float *wt, float *dx, const Shape *s)
{
    const int p = s->k / 2, c = s->c;
    for (int n = 0; n < s->n; n++)
        for (int y = 0; y < s->h; y++)
            for (int x = 0; x < s->w; x++) {
                const float *from[64], *tap[64];
                int taps = 0;
                for (int i = 0; i < s->k; i++) {
                    const int oy = y + p - i;
                    if (oy < 0 || oy % s->sh || oy / s->sh >= s->oh)
                        continue;
                    for (int j = 0; j < s->k; j++) {
                        const int ox = x + p - j;
                        if (ox < 0 || ox % s->sw || ox / s->sw >= s->ow)
                            continue;
                        from[taps] = g + (((long)n * s->oh + oy / s->sh) * s->ow + ox / s->sw) * c;
                        tap[taps++] = wt + ((long)i * s->k + j) * c;
                    }
                }
                float *out = dx + (((long)n * s->h + y) * s->w + x) * c;
                for (int ch = 0; ch < c; ch += 8) {
                    v8 acc = {0};
                    for (int t = 0; t < taps; t++)
                        acc += CAT(from[t] + ch) * CAT(tap[t] + ch);
                    AT(out + ch) = acc;
                }
            }
}

/* gradient of the weights; dwt[k * k][c] */
void dw_backward_weight(const float *x, const float *g, float *dwt, const Shape *s)
{
    const int p = s->k / 2, c = s->c;
    memset(dwt, 0, sizeof(float) * s->k * s->k * c);
    for (int n = 0; n < s->n; n++)
        for (int oy = 0; oy < s->oh; oy++)
            for (int i = 0; i < s->k; i++) {
                const int iy = oy * s->sh - p + i;
                if (iy < 0 || iy >= s->h)
                    continue;
                const float *row = x + ((long)n * s->h + iy) * s->w * c;
                const float *out = g + ((long)n * s->oh + oy) * s->ow * c;
                for (int j = 0; j < s->k; j++) {
                    const int first = p - j > 0 ? (p - j + s->sw - 1) / s->sw : 0;
                    int last = (s->w - 1 + p - j) / s->sw;
                    last = last < s->ow - 1 ? last : s->ow - 1;
                    float *d = dwt + ((long)i * s->k + j) * c;
                    for (int ch = 0; ch < c; ch += 8) {
                        v8 acc = AT(d + ch);
                        const float *a = row + (long)(first * s->sw - p + j) * c + ch;
                        const float *b = out + (long)first * c + ch;
                        for (int ox = first; ox <= last; ox++, a += (long)s->sw * c, b += c)
                            acc += CAT(a) * CAT(b);
                        AT(d + ch) = acc;
                    }
                }
            }
}

enum { PLAIN, RELU, HARDSWISH };
static const v8 zero = {0};
#define SPLAT(v) (zero + (v))

static inline v8 clip(v8 z, float low, float high)
{
    z = z < SPLAT(low) ? SPLAT(low) : z;
    return z > SPLAT(high) ? SPLAT(high) : z;
}

static inline v8 activate(v8 z, int kind)
{
    if (kind == RELU)
        return z > zero ? z : zero;
    return kind == HARDSWISH ? z * clip(z + 3.0f, 0, 6) * (1 / 6.0f) : z;
}

static inline v8 slope(v8 z, int kind)
{
    if (kind == RELU)
        return z > zero ? SPLAT(1) : zero;
    if (kind != HARDSWISH)
        return SPLAT(1);
    v8 inner = z * (1 / 3.0f) + 0.5f;
    inner = z > SPLAT(3) ? SPLAT(1) : inner;
    return z < SPLAT(-3) ? zero : inner;
}

/* y = activation(batch norm of x); m rows of c values. Leaves mean and 1 / standard deviation. */
void bn_forward(const float *x, const float *gamma, const float *beta, float *y, float *mean, float *inv, float *var,
                long m, int c, float eps, int kind)
{
    double *sums = (double *)calloc(2 * c, sizeof(double));
    float *part = (float *)malloc(sizeof(float) * 2 * c);
    column_sums(sums, part, m, c, [=](long i, int, v8 &a, v8 &b) {
        const v8 v = CAT(x + i);
        a += v;
        b += v * v;
    });
    for (int i = 0; i < c; i++) {
        const double mu = sums[i] / m, v = sums[c + i] / m - mu * mu;
        mean[i] = mu;
        var[i] = v > 0 ? v : 0;
        inv[i] = 1 / sqrt(var[i] + eps);
        part[i] = gamma[i] * inv[i];
        part[c + i] = beta[i] - mean[i] * part[i];
    }
    for (long r = 0; r < m; r++)
        for (int ch = 0; ch < c; ch += 8)
            AT(y + r * c + ch) = activate(CAT(x + r * c + ch) * AT(part + ch) + AT(part + c + ch), kind);
    free(part);
    free(sums);
}

/* gradients of bn_forward; dgamma and dbeta are written, dx too */
void bn_backward(const float *x, const float *g, const float *gamma, const float *beta, const float *mean,
                 const float *inv, float *dx, float *dgamma, float *dbeta, long m, int c, int kind)
{
    double *sums = (double *)calloc(2 * c, sizeof(double));
    float *part = (float *)malloc(sizeof(float) * 4 * c);
    float *scale = part + 2 * c, *shift = part + 3 * c;
    for (int i = 0; i < c; i++) {
        scale[i] = gamma[i] * inv[i];
        shift[i] = beta[i] - mean[i] * scale[i];
    }
    column_sums(sums, part, m, c, [=](long i, int ch, v8 &a, v8 &b) {
        const v8 v = CAT(x + i), d = CAT(g + i) * slope(v * CAT(scale + ch) + CAT(shift + ch), kind);
        a += d;
        b += d * (v - CAT(mean + ch));
    });
    for (int i = 0; i < c; i++) {
        dbeta[i] = sums[i];
        dgamma[i] = sums[c + i] * inv[i];
        part[i] = sums[i] / m;
        part[c + i] = sums[c + i] * inv[i] * inv[i] / m;
    }
    for (long r = 0; r < m; r++)
        for (int ch = 0; ch < c; ch += 8) {
            const v8 v = CAT(x + r * c + ch), sc = AT(scale + ch);
            const v8 d = CAT(g + r * c + ch) * slope(v * sc + AT(shift + ch), kind);
            AT(dx + r * c + ch) = sc * (d - AT(part + ch) - (v - CAT(mean + ch)) * AT(part + c + ch));
        }
    free(part);
    free(sums);
}
}
