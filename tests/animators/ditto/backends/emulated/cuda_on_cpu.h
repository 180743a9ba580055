// Enough of CUDA C to compile kernels for a CPU, where one thread after the other runs.
#include <cmath>
#include <cstring>
#include <tuple>

#define __global__
#define __device__

struct Place {
    unsigned x, y, z;
};
static thread_local Place gridDim, blockDim, blockIdx, threadIdx;

static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline int __float2int_rn(float a) { return (int)nearbyintf(a); }

// An argument of the packed buffer that CUDA's launch takes: each at a multiple of its own size.
template <class T> static T take(const char *buffer, size_t &at)
{
    T value;
    at = (at + alignof(T) - 1) / alignof(T) * alignof(T);
    std::memcpy(&value, buffer + at, sizeof value);
    at += sizeof value;
    return value;
}

template <class... A>
static void every_thread(void (*kernel)(A...), const unsigned *grid, const unsigned *block, const char *buffer)
{
    size_t at = 0;
    std::tuple<A...> arguments{take<A>(buffer, at)...};
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {block[0], block[1], block[2]};
    for (blockIdx.z = 0; blockIdx.z < grid[2]; ++blockIdx.z)
        for (blockIdx.y = 0; blockIdx.y < grid[1]; ++blockIdx.y)
            for (blockIdx.x = 0; blockIdx.x < grid[0]; ++blockIdx.x)
                for (threadIdx.z = 0; threadIdx.z < block[2]; ++threadIdx.z)
                    for (threadIdx.y = 0; threadIdx.y < block[1]; ++threadIdx.y)
                        for (threadIdx.x = 0; threadIdx.x < block[0]; ++threadIdx.x)
                            std::apply(kernel, arguments);
}
